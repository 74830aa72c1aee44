"""Events of SES become states, bounces, complaints and suppressions: one transaction a batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from db.event_records import keep_bounces, keep_complaints, keep_events
from db.event_states import match_messages, move_messages, move_recipients
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

    Only one that matched no message then, and names one now, still moves that message.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away; nothing was applied.
    """
    distinct = _by_identity(events)
    with engine.begin() as connection:
        matched = match_messages(connection, distinct)
        fresh, joined = keep_events(connection, distinct, matched)
        known = move_messages(connection, fresh + joined, matched)
        move_recipients(connection, fresh + joined, matched)
        return Applied(
            events=fresh,
            unmatched=[event for event in fresh if matched.get(event.identity) not in known],
            bounces=keep_bounces(connection, fresh, matched),
            complaints=keep_complaints(connection, fresh, matched),
            suppressions=_suppress(connection, fresh, matched),
        )


def _by_identity(events: Iterable[Event]) -> list[Event]:
    """Each event once, in the order of the unique key that the insert takes locks in.

    Of the two forms in which SES publishes one event, the one that carries our id.
    """
    distinct: dict[str, Event] = {}
    for event in events:
        held = distinct.get(event.identity)
        if held is None or held.message_id is None:
            distinct[event.identity] = event
    return [distinct[identity] for identity in sorted(distinct)]


def _suppress(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> list[Suppression]:
    wanted = [
        replace(suppression, message_id=matched.get(event.identity))
        for event in events
        for suppression in event.suppressions
    ]
    return add_in(connection, wanted)
