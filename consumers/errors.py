"""What can be wrong with a message from an event queue."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a message was refused; a label of the metrics."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NO_MESSAGE = "no_message"  # an SNS envelope with nothing in it
    MALFORMED = "malformed"  # it lacks what makes an event of its kind
    UNEXPECTED = "unexpected"  # our own reading of it failed
    DATABASE = "database"  # the database would not have its values
    FORGED = "forged"  # its signature is not SNS's, or is of another text
    UNSIGNED = "unsigned"  # nothing is signed where everything must be
    WRONG_TOPIC = "wrong_topic"  # SNS's, but of a topic that may not speak here
    TOO_OLD = "too_old"  # SNS's, but published too long before it came


class UnreadableEventError(Exception):
    """The message cannot be understood or believed. The text says why, and quotes nothing of it.

    `may_be_ours`: an event of a message of ours may be hidden in it.
    """

    def __init__(self, refusal: Refusal, reason: str, *, may_be_ours: bool = True) -> None:
        super().__init__(reason)
        self.refusal = refusal
        self.reason = reason
        self.may_be_ours = may_be_ours


class CertificateUnavailableError(Exception):
    """Whether a message is SNS's cannot be told until a certificate can be fetched.

    `host_is_away`: nothing of its host can be had, not only this.
    """

    def __init__(self, *, host_is_away: bool = True) -> None:
        super().__init__()
        self.host_is_away = host_is_away


class GaveUpError(Exception):
    """What was tried again and again failed until the process was to end, or too often."""


class NotDeletedError(Exception):
    """SQS did not delete some messages of a batch."""
