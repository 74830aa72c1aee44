"""Errors of SES v2, with the texts that SES itself answers."""

from __future__ import annotations


class SesError(Exception):
    """A call that SES refuses.

    Attributes:
        code: What SDKs report in `Error.Code`.
        message: The text for people.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def bad_request(message: str) -> SesError:
    return SesError("BadRequestException", message)


def not_found(message: str) -> SesError:
    return SesError("NotFoundException", message, status=404)


def already_exists(message: str) -> SesError:
    return SesError("AlreadyExistsException", message)


def too_fast() -> SesError:
    return SesError("TooManyRequestsException", "Maximum sending rate exceeded.", status=429)


def too_many_calls() -> SesError:
    return SesError("TooManyRequestsException", "Rate exceeded", status=429)


def quota_exceeded(seen_as: str) -> SesError:
    """The full 24-hour window, in either of the two forms that SES may give it.

    Args:
        seen_as: `limit_exceeded` or `too_many_requests`.
    """
    text = "Daily message quota exceeded."
    if seen_as == "too_many_requests":
        return SesError("TooManyRequestsException", text, status=429)
    return SesError("LimitExceededException", text)


def account_suspended() -> SesError:
    return SesError(
        "AccountSuspendedException",
        "The message can't be sent because the account's ability to send email has been "
        "permanently restricted.",
    )


def sending_paused(seen_as: str) -> SesError:
    """The paused account, in either of the two forms that SES may give it.

    Args:
        seen_as: `exception` or `message_rejected`.
    """
    if seen_as == "message_rejected":
        return SesError(
            "MessageRejected",
            "Sending paused for this account. For more information, please check the inbox of the "
            "email address associated with your AWS account.",
        )
    return SesError(
        "SendingPausedException",
        "The message can't be sent because the account's ability to send email is currently "
        "paused.",
    )


def configuration_set_paused(name: str) -> SesError:
    return SesError(
        "SendingPausedException",
        f"Sending paused for configuration set {name}. For more information, please check the "
        "inbox of the email address associated with your AWS account.",
    )


def configuration_set_missing(name: str) -> SesError:
    return not_found(f"Configuration set <{name}> does not exist.")


def template_missing(name: str) -> SesError:
    return not_found(f"Template {name} does not exist.")


def not_verified(identities: list[str], region: str) -> SesError:
    return SesError(
        "MessageRejected",
        "Email address is not verified. The following identities failed the check in region "
        f"{region.upper()}: {', '.join(identities)}",
    )
