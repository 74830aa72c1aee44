"""Events of SES become states, bounces, complaints and suppressions: one transaction a batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import insert

from db.event_states import match_messages, move_messages, move_recipients
from db.models import EmailBounce, EmailComplaint, EmailEvent
from db.suppressions import Suppression, add_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from db.states import EventKind, RecipientState


@dataclass(frozen=True)
class Bounce:
    """One recipient of a bounce. `address` is normalised."""

    address: str
    bounce_type: str
    bounce_subtype: str
    feedback_id: str
    bounced_at: datetime
    action: str | None = None
    status: str | None = None
    diagnostic_code: str | None = None
    reporting_mta: str | None = None
    remote_mta_ip: str | None = None


@dataclass(frozen=True)
class Complaint:
    """One recipient of a complaint. `address` is normalised."""

    address: str
    feedback_id: str
    complained_at: datetime
    complaint_type: str | None = None
    complaint_subtype: str | None = None
    user_agent: str | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """One event of SES, understood.

    `identity` is the same for every delivery of the same event. `message_id` is our id from the
    event's tags, where it carries one. `recipients` says what the event proves for each address.
    """

    identity: str
    kind: EventKind
    occurred_at: datetime
    raw: Mapping[str, Any]
    ses_message_id: str | None = None
    message_id: UUID | None = None
    recipients: Mapping[str, RecipientState] = field(default_factory=dict)
    bounces: Sequence[Bounce] = ()
    complaints: Sequence[Complaint] = ()
    suppressions: Sequence[Suppression] = ()


@dataclass(frozen=True)
class Applied:
    """What a batch changed. A redelivered event appears in none of these."""

    events: list[Event]
    unmatched: list[Event]
    bounces: list[Bounce]
    complaints: list[Complaint]
    suppressions: list[Suppression]


def apply(engine: Engine, events: Sequence[Event]) -> Applied:
    """Apply a batch in one transaction. Events seen before are recognised and change nothing.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away; nothing was applied.
    """
    with engine.begin() as connection:
        fresh = _keep(connection, _by_identity(events))
        matched = match_messages(connection, fresh)
        known = move_messages(connection, fresh, matched)
        move_recipients(connection, fresh, matched)
        return Applied(
            events=fresh,
            unmatched=[event for event in fresh if matched.get(event.identity) not in known],
            bounces=_keep_bounces(connection, fresh, matched),
            complaints=_keep_complaints(connection, fresh, matched),
            suppressions=_suppress(connection, fresh, matched),
        )


def _by_identity(events: Iterable[Event]) -> list[Event]:
    """Each event once, in the order of the unique key that the insert takes locks in."""
    distinct = {event.identity: event for event in events}
    return [distinct[identity] for identity in sorted(distinct)]


def _keep(connection: Connection, events: Sequence[Event]) -> list[Event]:
    if not events:
        return []
    rows = [
        {
            "identity": event.identity,
            "kind": event.kind,
            "message_id": event.message_id,
            "ses_message_id": event.ses_message_id,
            "occurred_at": event.occurred_at,
            "raw": dict(event.raw),
        }
        for event in events
    ]
    kept = connection.execute(
        insert(EmailEvent)
        .values(rows)
        .on_conflict_do_nothing(index_elements=[EmailEvent.identity])
        .returning(EmailEvent.identity)
    )
    fresh = set(kept.scalars())
    return [event for event in events if event.identity in fresh]


def _keep_bounces(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> list[Bounce]:
    held = {
        (bounce.feedback_id, bounce.address): (event, bounce)
        for event in events
        for bounce in event.bounces
    }
    rows = [_row(*held[key], matched) for key in sorted(held)]
    kept = _insert_new(connection, EmailBounce, rows)
    return [held[key][1] for key in sorted(kept)]


def _keep_complaints(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> list[Complaint]:
    held = {
        (complaint.feedback_id, complaint.address): (event, complaint)
        for event in events
        for complaint in event.complaints
    }
    rows = [_row(*held[key], matched) for key in sorted(held)]
    kept = _insert_new(connection, EmailComplaint, rows)
    return [held[key][1] for key in sorted(kept)]


def _row(event: Event, feedback: Bounce | Complaint, matched: Mapping[str, UUID]) -> dict[str, Any]:
    return {
        **asdict(feedback),
        "message_id": matched.get(event.identity),
        "ses_message_id": event.ses_message_id,
    }


def _insert_new(
    connection: Connection,
    table: type[EmailBounce | EmailComplaint],
    rows: Sequence[Mapping[str, Any]],
) -> set[tuple[str, str]]:
    """Insert what is not there yet; answers the keys (feedback id, address) that were new."""
    if not rows:
        return set()
    statement = (
        insert(table)
        .values(rows)
        .on_conflict_do_nothing(index_elements=[table.feedback_id, table.address])
        .returning(table.feedback_id, table.address)
    )
    return {(row.feedback_id, row.address) for row in connection.execute(statement)}


def _suppress(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> list[Suppression]:
    wanted = [
        replace(suppression, message_id=matched.get(event.identity))
        for event in events
        for suppression in event.suppressions
    ]
    return add_in(connection, wanted)
