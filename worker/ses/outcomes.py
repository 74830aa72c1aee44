"""What one attempt to send came to. Five outcomes and one signal, each a type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.ledger import Why


class Scope(StrEnum):
    """How much of the sending a refusal is about."""

    ACCOUNT = "account"  # everything this account sends
    HOST = "host"  # everything this process sends: nothing has reached SES
    STREAM = "stream"  # what the stream is configured with
    MESSAGE = "message"  # something that this message names: its sender, its template
    GATE = "gate"  # SES was not asked: the gate of the stream is shut already


@dataclass(frozen=True)
class Sent:
    """SES took the message, under its own id."""

    ses_message_id: str


@dataclass(frozen=True)
class Retry:
    """SES did not take it, and may the next time. Uses one of the stream's attempts."""

    cause: str
    why: Why


@dataclass(frozen=True)
class Reject:
    """SES will never take this message."""

    cause: str
    why: Why


@dataclass(frozen=True)
class Halt:
    """SES takes nothing of the scope until somebody mends it. Uses none of the attempts."""

    cause: str
    why: Why
    scope: Scope


@dataclass(frozen=True)
class Unknown:
    """SES may have taken it: nobody can tell from here."""

    cause: str
    why: Why


@dataclass(frozen=True)
class Throttled:
    """Too fast. No outcome of the message: everyone slows down, and it goes again."""

    cause: str
    why: Why


Outcome = Sent | Retry | Reject | Halt | Unknown | Throttled
Refusal = Retry | Reject | Halt | Unknown | Throttled
