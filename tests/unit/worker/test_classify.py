"""Every answer of SES has a meaning, and what cannot be told is never sent again blindly."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest
from botocore.session import get_session

from db.ledger import Why
from worker.ses.classify import classify, find_rule, narrowed
from worker.ses.outcomes import Halt, Reject, Retry, Scope, Sent, Throttled, Unknown
from worker.ses.rules import CODE_RULES, OTHER_CLIENT_ERROR, OTHER_SERVER_ERROR, TEXT_RULES

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


def answer(
    code: str, message: str = "", status: int = 400, operation: str = "SendEmail"
) -> boto.ClientError:
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
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
        (answer("SendingPausedException"), Halt, "sending_paused"),
        (
            answer("SendingPausedException", "Sending paused for this account."),
            Halt,
            "account_paused",
        ),
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
        (answer("SomethingNew", "", 400), Retry, "refused"),
        (answer("SomethingNew", "", 413), Reject, "too_large"),
        (answer("SomethingNew", "", 429), Throttled, "rate"),
        (answer("413", "", 413), Reject, "too_large"),
        (answer("429", "", 429), Throttled, "rate"),
        (answer("", "", 0), Unknown, "ses_error"),
        (answer("SomethingNew", "", 500), Unknown, "ses_error"),
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


def test_an_answer_without_text_is_not_quoted() -> None:
    assert "said" not in classify(answer("NotFoundException")).why.reason


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 407, 421])
def test_an_answer_that_is_not_of_ses_halts_everything_and_burns_no_mail(status: int) -> None:
    page = "<html>proxy login for ada@example.com</html>"
    outcome = classify(answer(str(status), page, status))
    assert isinstance(outcome, Halt)
    assert (outcome.cause, outcome.scope) == ("not_ses", Scope.ACCOUNT)
    assert outcome.why.code == str(status)
    assert "AWS_ENDPOINT_URL_SESV2" in outcome.why.reason
    assert "html" not in outcome.why.reason


def test_a_redirect_is_not_of_ses_whatever_it_calls_itself() -> None:
    assert classify(answer("PermanentRedirect", "", 301)).cause == "not_ses"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InvalidIdentityToken", 400),
        ("IDPCommunicationError", 400),
        ("AccessDenied", 403),
        ("BadRequestException", 400),
        ("Throttling", 400),
        ("InternalFailure", 500),
    ],
)
def test_what_sts_answers_is_about_the_credentials_and_not_about_a_message(
    code: str, status: int
) -> None:
    refused = answer(code, "not for you", status, "AssumeRoleWithWebIdentity")
    outcome = classify(refused)
    assert isinstance(outcome, Halt)
    assert (outcome.cause, outcome.scope) == ("credentials", Scope.ACCOUNT)
    assert "AssumeRoleWithWebIdentity" in outcome.why.reason
    assert "SES said" not in outcome.why.reason


def test_a_refusal_nobody_has_met_before_is_tried_again_and_stops_no_other_message() -> None:
    assert isinstance(classify(answer("SomethingNew", "Just no.")), Retry)


@pytest.mark.parametrize(
    ("code", "text", "kind", "cause"),
    [
        ("BadRequestException", "Illegal address: lieutenant@example.com", Reject, "invalid"),
        ("BadRequestException", "Illegal address: tenant@example.com", Reject, "invalid"),
        ("BadRequestException", "Illegal address: Tenant Office <x>", Reject, "invalid"),
        ("BadRequestException", "Invalid value 'no tenant' of a tag", Reject, "invalid"),
        ("BadRequestException", 'Invalid value "configuration set"', Reject, "invalid"),
        ("BadRequestException", "Invalid header <configuration set>", Reject, "invalid"),
        ("BadRequestException", "Invalid value `tenant' of a tag", Reject, "invalid"),
        ("BadRequestException", "Tenants are lieutenants", Reject, "invalid"),
        ("MessageRejected", "Illegal content 'it is not verified'", Reject, "content"),
        ("NotFoundException", "Template tenant@x does not exist.", Halt, "template"),
        ("BadRequestException", "Tenant not associated with resources [arn:x]", Halt, "tenant"),
        ("AccessDeniedException", "Tenant not associated with resources [arn:x]", Halt, "tenant"),
        ("AccessDeniedException", "User: arn:x/tenant is not authorized", Halt, "permission"),
        ("NotFoundException", "Tenant 'x' does not exist.", Halt, "tenant"),
        ("BadRequestException", "The Configuration Set x is gone", Halt, "configuration_set"),
        (
            "MessageRejected",
            "Email address is not verified. Failed: Tenant <a@example.com>, b@example.com",
            Halt,
            "identity_not_verified",
        ),
        (
            "BadRequestException",
            "It isn't so: configuration set x can't be",
            Halt,
            "configuration_set",
        ),
    ],
)
def test_only_the_words_of_ses_count_not_those_of_the_mail(
    code: str, text: str, kind: type, cause: str
) -> None:
    outcome = classify(answer(code, text))
    assert (type(outcome), outcome.cause) == (kind, cause)


@pytest.mark.parametrize(
    "code",
    [
        "SendingPausedException",
        "ConfigurationSetSendingPausedException",
        "ConfigurationSetDoesNotExist",
    ],
)
def test_what_is_wrong_with_a_configuration_set_stops_its_stream_and_nobody_elses(
    code: str,
) -> None:
    outcome = classify(answer(code))
    assert isinstance(outcome, Halt)
    assert outcome.scope is Scope.STREAM
    assert narrowed(outcome, own_configuration_set=True) is outcome
    other = narrowed(outcome, own_configuration_set=False)
    assert other == Halt(outcome.cause, outcome.why, Scope.MESSAGE)


@pytest.mark.parametrize(
    "outcome",
    [
        Sent("0102"),
        Reject("content", Why("MessageRejected", "No.")),
        Halt("account_paused", Why("MessageRejected", "Paused."), Scope.ACCOUNT),
        Halt("gate_shut", Why("GateShut", "Shut."), Scope.GATE),
    ],
)
def test_nothing_else_is_narrowed_by_the_configuration_set(outcome: Sent | Reject | Halt) -> None:
    assert narrowed(outcome, own_configuration_set=False) is outcome


def test_all_that_stops_a_stream_is_about_its_configuration_set() -> None:
    causes = {rule.cause for rule in (*TEXT_RULES, *CODE_RULES) if rule.scope is Scope.STREAM}
    assert causes == {"configuration_set", "configuration_set_paused", "sending_paused"}
