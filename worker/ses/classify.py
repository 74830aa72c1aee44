"""From an exception of the SDK to an outcome, by the tables in `rules` and `unanswered`."""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from db.ledger import Why
from worker.ses import unanswered
from worker.ses.outcomes import Halt, Reject, Retry, Scope, Throttled, Unknown
from worker.ses.rules import (
    ANY_CODE,
    CODE_RULES,
    NOT_SES,
    OTHER_CLIENT_ERROR,
    OTHER_SERVER_ERROR,
    STS_ERROR,
    TEXT_RULES,
    Rule,
)

if TYPE_CHECKING:
    from worker.ses.outcomes import Outcome, Refusal

_SENDS = frozenset({"SendEmail", "SendBulkEmail"})
_MOST_QUOTED_CHARACTERS = 500
# What SES quotes of a message or names of the installation, so that only its own words are left.
_NOT_SESS_WORDS = re.compile(
    r"""<[^>]*> | "[^"]*" | (?<!\w)[`'][^']*'(?!\w) | \S*@\S* | \barn:\S+""", re.VERBOSE
)


def classify(error: boto.BotoCoreError | boto.ClientError) -> Refusal:
    """The outcome that the error means. Anything not understood is `Unknown`, never a retry."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error)
    rule = unanswered.rule_for(error)
    # The text of these errors may quote parameters, so only the kind of error is kept.
    return _outcome(rule, Why(type(error).__name__, rule.advice))


def narrowed(outcome: Outcome, *, own_configuration_set: bool) -> Outcome:
    """The outcome for a message by the configuration set that it was sent with.

    `own_configuration_set` is whether that was the stream's own set. If the message named another
    one, what is wrong with the set is the message's affair and stops nothing else of the stream.
    """
    if isinstance(outcome, Halt) and outcome.scope is Scope.STREAM and not own_configuration_set:
        return replace(outcome, scope=Scope.MESSAGE)
    return outcome


def find_rule(code: str, text: str, status: int) -> Rule:
    """The row for an answer to a send: by text, then by code, then by HTTP status."""
    words = _NOT_SESS_WORDS.sub(" ", text)
    for rule in TEXT_RULES:
        if rule.text and _has_code(rule, code) and _says(words, rule.text):
            return rule
    for name in (code, str(status)):
        for rule in CODE_RULES:
            if _has_code(rule, name):
                return rule
    if not HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return OTHER_SERVER_ERROR
    # SES gives every refusal a name, and never redirects.
    is_named = bool(code) and not code.isdecimal()
    return OTHER_CLIENT_ERROR if is_named and status >= HTTPStatus.BAD_REQUEST else NOT_SES


def _from_answer(error: boto.ClientError) -> Refusal:
    answer = error.response.get("Error", {})
    code, text = str(answer.get("Code", "")), str(answer.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    speaker = "SES"
    if error.operation_name in _SENDS:
        rule = find_rule(code, text, status)
    else:
        # The credentials are fetched in the course of a send, by calls of their own.
        rule, speaker = STS_ERROR, f"AWS ({error.operation_name})"
    # Whatever a proxy answers is a page, and none of SES's words.
    quote = f" {speaker} said: {text[:_MOST_QUOTED_CHARACTERS]}" if text else ""
    reason = rule.advice if rule is NOT_SES else rule.advice + quote
    return _outcome(rule, Why(code or str(status), reason))


def _outcome(rule: Rule, why: Why) -> Refusal:
    match rule.meaning:
        case "throttled":
            return Throttled(rule.cause, why)
        case "halt":
            return Halt(rule.cause, why, rule.scope)
        case "reject":
            return Reject(rule.cause, why)
        case "retry":
            return Retry(rule.cause, why)
        case "unknown":
            return Unknown(rule.cause, why)


def _has_code(rule: Rule, code: str) -> bool:
    return rule.codes is ANY_CODE or code in rule.codes


def _says(words: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", words, re.IGNORECASE) is not None
