"""Errors of SNS."""

from __future__ import annotations


class SnsError(Exception):
    """A call that SNS refuses.

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


def invalid_parameter(what: str) -> SnsError:
    return SnsError("InvalidParameter", f"Invalid parameter: {what}")


def topic_not_found() -> SnsError:
    return SnsError("NotFound", "Topic does not exist", status=404)


def subscription_not_found() -> SnsError:
    return SnsError("NotFound", "Subscription does not exist", status=404)
