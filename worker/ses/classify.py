"""From an exception of the SDK to an outcome, by the table in `worker.ses.rules`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from db.ledger import Why
from worker.ses.outcomes import Halt, Refusal, Reject, Retry, Throttled, Unknown
from worker.ses.rules import (
    ANSWER_LOST,
    ANY_CODE,
    CODE_RULES,
    MALFORMED,
    NO_CREDENTIALS,
    NOT_CONNECTED,
    OTHER_CLIENT_ERROR,
    OTHER_SERVER_ERROR,
    TEXT_RULES,
    Rule,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEFORE_THE_REQUEST = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
)
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)
_OUR_FAULT = (boto.ParamValidationError, boto.InvalidRegionError)
# Other TLS errors can come in the middle of an answer.
_HANDSHAKE_TEXTS = ("certificate", "handshake", "wrong version")


def classify(error: boto.BotoCoreError | boto.ClientError) -> Refusal:
    """The outcome that the error means. Anything not understood is `Unknown`, never a retry."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error)
    rule = _rule_without_answer(error)
    # The text of these errors may quote parameters, so only the kind of error is kept.
    return _outcome(rule, Why(type(error).__name__, rule.advice))


def find_rule(code: str, text: str, status: int) -> Rule:
    """The row for an answer: by text, then by code, then by HTTP status."""
    folded = text.casefold()
    for rule in TEXT_RULES:
        if rule.text and rule.text.casefold() in folded and _has_code(rule, code):
            return rule
    for rule in CODE_RULES:
        if _has_code(rule, code):
            return rule
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return OTHER_SERVER_ERROR
    return OTHER_CLIENT_ERROR


def _from_answer(error: boto.ClientError) -> Refusal:
    answer = error.response.get("Error", {})
    code, text = str(answer.get("Code", "")), str(answer.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    rule = find_rule(code, text, status)
    return _outcome(rule, Why(code or str(status), f"{rule.advice} SES said: {text}"))


def _rule_without_answer(error: boto.BotoCoreError) -> Rule:
    if isinstance(error, _BEFORE_THE_REQUEST):
        return NOT_CONNECTED
    if isinstance(error, _CREDENTIALS):
        return NO_CREDENTIALS
    if isinstance(error, _OUR_FAULT):
        return MALFORMED
    if isinstance(error, boto.SSLError) and _mentions(str(error), _HANDSHAKE_TEXTS):
        return NOT_CONNECTED
    return ANSWER_LOST


def _outcome(rule: Rule, why: Why) -> Refusal:
    match rule.meaning:
        case "throttled":
            return Throttled(rule.cause, why)
        case "halt":
            return Halt(rule.cause, why, rule.scope)
        case "reject":
            return Reject(rule.cause, why)
        case "retry":
            return Retry(rule.cause, why, uses_attempt=rule is not NOT_CONNECTED)
        case "unknown":
            return Unknown(rule.cause, why)


def _has_code(rule: Rule, code: str) -> bool:
    return rule.codes is ANY_CODE or code in rule.codes


def _mentions(text: str, parts: Iterable[str]) -> bool:
    return any(part in text.casefold() for part in parts)
