"""Reading the ledger: what a person asks of one message, and the counts of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from db.address_revealing import revealed
from db.models import EmailEvent, EmailMessage, EmailRecipient

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine


@dataclass(frozen=True)
class TimelineEvent:
    """One event of SES about a message."""

    kind: str
    occurred_at: datetime


@dataclass(frozen=True)
class MessageStatus:
    """All that the ledger knows of one message. `recipients` maps address to state."""

    id: UUID
    stream: str
    state: str
    attempts: int
    recipients: dict[str, str]
    events: list[TimelineEvent]
    enqueued_at: datetime | None
    first_seen_at: datetime
    sent_at: datetime | None
    due_at: datetime | None
    expires_at: datetime | None
    ses_message_id: str | None
    outcome_code: str | None
    outcome_reason: str | None


def status(engine: Engine, message_id: UUID) -> MessageStatus | None:
    """Everything about one message, or None when no worker has seen it yet."""
    recipients = select(EmailRecipient.address, EmailRecipient.state).where(
        EmailRecipient.message_id == message_id
    )
    events = (
        select(EmailEvent.kind, EmailEvent.occurred_at)
        .where(EmailEvent.message_id == message_id)
        .order_by(EmailEvent.occurred_at, EmailEvent.id)
    )
    # One snapshot for all three statements: a picture of one moment.
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.begin() as connection:
        row = connection.execute(
            select(EmailMessage.__table__).where(EmailMessage.id == message_id)
        ).one_or_none()
        if row is None:
            return None
        states = {each.address: each.state for each in connection.execute(recipients)}
        shown = revealed(connection, states)
        return MessageStatus(
            id=row.id,
            stream=row.stream,
            state=row.state,
            attempts=row.attempt,
            recipients={shown.get(name, name): state for name, state in states.items()},
            events=[TimelineEvent(*each) for each in connection.execute(events)],
            enqueued_at=row.enqueued_at,
            first_seen_at=row.created_at,
            sent_at=row.sent_at,
            due_at=row.due_at,
            expires_at=row.expires_at,
            ses_message_id=row.ses_message_id,
            outcome_code=row.outcome_code,
            outcome_reason=row.outcome_reason,
        )


def count_by_state(engine: Engine) -> dict[tuple[str, str], int]:
    """How many messages of each stream are in each state: {(stream, state): count}."""
    counted = select(EmailMessage.stream, EmailMessage.state, func.count()).group_by(
        EmailMessage.stream, EmailMessage.state
    )
    with engine.begin() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(counted)}


def count_waiting(engine: Engine) -> dict[tuple[str, str], int]:
    """The same for the messages that are not at their end; its cost does not grow with history."""
    # Spelt out as the partial index has it, or PostgreSQL would not use that.
    waiting = text("state IN ('queued', 'parked', 'sending', 'unknown', 'held')")
    counted = (
        select(EmailMessage.stream, EmailMessage.state, func.count())
        .where(waiting)
        .group_by(EmailMessage.stream, EmailMessage.state)
    )
    with engine.begin() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(counted)}
