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


class UnreadableEventError(Exception):
    """The message cannot be understood. The text says why, and never quotes what it says."""

    def __init__(self, refusal: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.refusal = refusal
        self.reason = reason


class GaveUpError(Exception):
    """What was tried again and again failed until the process was to end, or too often."""


class NotDeletedError(Exception):
    """SQS did not delete some messages of a batch."""
