"""Every answer of SES has a meaning, and what cannot be told is never sent again blindly."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest
from botocore.session import get_session

from worker.ses.classify import classify, find_rule
from worker.ses.outcomes import Halt, Reject, Retry, Scope, Throttled, Unknown
from worker.ses.rules import OTHER_CLIENT_ERROR, OTHER_SERVER_ERROR

OPERATIONS = {"sesv2": ["SendEmail", "SendBulkEmail"], "ses": ["SendEmail", "SendRawEmail"]}


def declared_errors() -> list[tuple[str, int]]:
    """Code and HTTP status of every error that botocore's models declare for a send."""
    session = get_session()
    found = set()
    for service, operations in OPERATIONS.items():
        model = session.get_service_model(service)
        for operation in operations:
            for shape in model.operation_model(operation).error_shapes:
                error = shape.metadata.get("error", {})
                found.add((error.get("code", shape.name), error.get("httpStatusCode", 400)))
    return sorted(found)


def answer(code: str, message: str = "", status: int = 400) -> boto.ClientError:
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "SendEmail",
    )


def test_the_models_declare_errors_at_all() -> None:
    assert len(declared_errors()) > 8


@pytest.mark.parametrize(("code", "status"), declared_errors())
def test_no_declared_error_falls_through_to_the_defaults(code: str, status: int) -> None:
    assert find_rule(code, "", status) not in (OTHER_CLIENT_ERROR, OTHER_SERVER_ERROR)


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (
            answer("TooManyRequestsException", "Maximum sending rate exceeded.", 429),
            Throttled,
            "rate",
        ),
        (answer("Throttling", "Maximum sending rate exceeded."), Throttled, "rate"),
        (answer("TooManyRequestsException", "Rate exceeded", 429), Throttled, "rate"),
        (answer("TooManyRequestsException", "Daily message quota exceeded.", 429), Halt, "quota"),
        (answer("LimitExceededException", "Daily message quota exceeded."), Halt, "quota"),
        (answer("Throttling", "Daily message quota exceeded."), Halt, "quota"),
        (answer("LimitExceededException", "something"), Halt, "quota"),
        (answer("AccountSuspendedException"), Halt, "account_suspended"),
        (answer("SendingPausedException"), Halt, "account_paused"),
        (answer("AccountSendingPausedException"), Halt, "account_paused"),
        (
            answer("MessageRejected", "Sending paused for this account. For more information…"),
            Halt,
            "account_paused",
        ),
        (answer("ConfigurationSetSendingPausedException"), Halt, "configuration_set_paused"),
        (
            answer(
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in "
                "region EU-WEST-1: a@example.com",
            ),
            Halt,
            "identity_not_verified",
        ),
        (answer("MessageRejected", "Address blacklisted."), Reject, "content"),
        (answer("MailFromDomainNotVerifiedException"), Halt, "mail_from_domain"),
        (
            answer("NotFoundException", "Configuration set <x> does not exist.", 404),
            Halt,
            "configuration_set",
        ),
        (answer("NotFoundException", "Template x does not exist.", 404), Halt, "template"),
        (answer("BadRequestException", "Missing final '@domain'"), Reject, "invalid"),
        (answer("RequestEntityTooLargeException", "", 413), Reject, "too_large"),
        (answer("InternalFailure", "", 500), Unknown, "ses_error"),
        (answer("ServiceUnavailable", "", 503), Unknown, "ses_error"),
        (answer("503", "", 503), Unknown, "ses_error"),
        (answer("RequestTimeout", "", 408), Unknown, "ses_error"),
        (answer("408", "", 408), Unknown, "ses_error"),
        (answer("ExpiredTokenException", "", 403), Halt, "credentials"),
        (answer("SignatureDoesNotMatch", "", 403), Halt, "credentials"),
        (answer("AccessDeniedException", "", 403), Halt, "permission"),
        (answer("SomethingNew", "", 400), Reject, "refused"),
        (answer("SomethingNew", "", 500), Unknown, "ses_error"),
        (boto.EndpointConnectionError(endpoint_url="https://x"), Retry, "unreachable"),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), Retry, "unreachable"),
        (boto.ProxyConnectionError(proxy_url="https://x"), Retry, "unreachable"),
        (boto.ReadTimeoutError(endpoint_url="https://x"), Unknown, "answer_lost"),
        (boto.ConnectionClosedError(endpoint_url="https://x"), Unknown, "answer_lost"),
        (boto.HTTPClientError(error="x"), Unknown, "answer_lost"),
        (
            boto.SSLError(endpoint_url="https://x", error="CERTIFICATE_VERIFY_FAILED"),
            Retry,
            "unreachable",
        ),
        (boto.SSLError(endpoint_url="https://x", error="EOF occurred"), Unknown, "answer_lost"),
        (boto.NoCredentialsError(), Halt, "credentials"),
        (boto.ParamValidationError(report="x"), Reject, "invalid"),
    ],
)
def test_an_answer_means(error: Exception, kind: type, cause: str) -> None:
    outcome = classify(error)
    assert (type(outcome), outcome.cause) == (kind, cause)


def test_a_paused_account_halts_the_account_and_a_template_only_its_message() -> None:
    paused = classify(answer("MessageRejected", "Sending paused for this account."))
    template = classify(answer("NotFoundException", "Template x does not exist.", 404))
    assert isinstance(paused, Halt)
    assert isinstance(template, Halt)
    assert (paused.scope, template.scope) == (Scope.ACCOUNT, Scope.MESSAGE)


def test_the_reason_says_what_to_do_and_what_ses_said() -> None:
    outcome = classify(answer("NotFoundException", "Template welcome does not exist.", 404))
    assert "create it" in outcome.why.reason
    assert "SES said: Template welcome does not exist." in outcome.why.reason


def test_an_unreachable_ses_uses_none_of_the_messages_attempts() -> None:
    outcome = classify(boto.EndpointConnectionError(endpoint_url="https://x"))
    assert isinstance(outcome, Retry)
    assert not outcome.uses_attempt
