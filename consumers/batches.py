"""A batch of messages: understood one by one, applied together, and apart where one is bad."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)

from config.failures import error_name
from consumers.authenticity import admit_all
from consumers.envelopes import Notice
from consumers.errors import CertificateUnavailableError, Refusal, UnreadableEventError
from consumers.parsing import read
from db.events import DEFAULT_POLICY, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Engine

    from config.suppression import SuppressionPolicy
    from consumers.authenticity import Admit
    from consumers.queues import QueueMessage
    from db.event_types import Applied, Event

log = structlog.get_logger(__name__)

# "Program limit exceeded", such as a value too long for an index: psycopg calls it operational.
_LIMIT_EXCEEDED = "54"


@dataclass(frozen=True)
class Understood:
    """A message that is an event."""

    message: QueueMessage
    event: Event


@dataclass(frozen=True)
class Refused:
    """A message that is kept aside, and why. The reason quotes nothing of it."""

    message: QueueMessage
    refusal: Refusal
    reason: str
    may_be_ours: bool = True


@dataclass
class Batch:
    """What the messages of one batch turned out to be; `unproven`: nobody can tell yet."""

    events: list[Understood] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unproven: list[QueueMessage] = field(default_factory=list)


def understand(messages: Iterable[QueueMessage], admit: Admit = admit_all) -> Batch:
    """Read each message that `admit` believes; one that cannot be understood harms no other."""
    batch = Batch()
    for message in messages:
        try:
            said = read(message.body, received_at=message.sent_at, admit=admit)
        except CertificateUnavailableError:
            batch.unproven.append(message)
        except UnreadableEventError as error:
            batch.refused.append(
                Refused(message, error.refusal, error.reason, may_be_ours=error.may_be_ours)
            )
        except Exception as error:
            log.exception("reading an event failed", sqs_message_id=message.id)
            reason = f"Reading it failed: {type(error).__name__}."
            batch.refused.append(Refused(message, Refusal.UNEXPECTED, reason))
        else:
            if isinstance(said, Notice):
                batch.notices.append(said)
            else:
                batch.events.append(Understood(message, said))
    return batch


def without(messages: Sequence[QueueMessage], others: Sequence[QueueMessage]) -> list[QueueMessage]:
    """The messages that are none of the others."""
    receipts = {each.receipt_handle for each in others}
    return [each for each in messages if each.receipt_handle not in receipts]


def apply_apart(
    engine: Engine,
    events: Sequence[Understood],
    committed: Callable[[Applied], None],
    policy: SuppressionPolicy = DEFAULT_POLICY,
) -> list[Refused]:
    """Apply events in one transaction; where the database refuses the data, in halves.

    `committed` is told about each transaction. Answers the messages whose event the database
    would not have, alone.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is away. What was not `committed` was not
            applied; all of it may be applied again.
    """
    if not events:
        return []
    try:
        committed(apply(engine, [understood.event for understood in events], policy))
    except Exception as error:
        if not is_about_the_data(error):
            raise
        if len(events) == 1:
            reason = f"The database refused it: {error_name(error)}."
            return [Refused(events[0].message, Refusal.DATABASE, reason)]
    else:
        return []
    middle = len(events) // 2
    return apply_apart(engine, events[:middle], committed, policy) + apply_apart(
        engine, events[middle:], committed, policy
    )


def is_about_the_data(error: Exception) -> bool:
    """Whether the values are to blame: the same events will fail again. False for an outage."""
    if isinstance(error, DataError | IntegrityError):
        return True
    if isinstance(error, OperationalError):
        return (getattr(error.orig, "sqlstate", None) or "").startswith(_LIMIT_EXCEEDED)
    if isinstance(error, DBAPIError):
        return False
    # It failed on the way to the database, as a value that no type can hold.
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError | OSError)
