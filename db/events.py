"""Events of SES become states, bounces, complaints and suppressions: one transaction a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.suppression import SuppressionPolicy
from db.event_keeping import keep_events
from db.event_names import by_name
from db.event_records import attach_feedback, keep_bounces, keep_complaints
from db.event_states import move_messages, move_recipients
from db.event_suppressions import suppress
from db.event_types import Applied
from db.unmatched_deliveries import keep_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Engine

    from db.event_types import Event

DEFAULT_POLICY = SuppressionPolicy()


def apply(
    engine: Engine, events: Sequence[Event], policy: SuppressionPolicy = DEFAULT_POLICY
) -> Applied:
    """Apply a batch in one transaction. Events seen before are recognised and change nothing.

    Only one that matched no message then, and does so now, still moves that message.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away; nothing was applied.
    """
    distinct = _by_identity(events)
    if not distinct:
        return Applied(events=[], unmatched=[], bounces=[], complaints=[], suppressions=[])
    with engine.begin() as connection:
        kept = keep_events(connection, by_name(connection, distinct))
        fresh, joined, matched = kept.fresh, kept.joined, kept.matched
        move_messages(connection, fresh + joined, matched)
        move_recipients(connection, fresh + joined, matched)
        attach_feedback(connection, joined, matched)
        unmatched = [event for event in fresh if not kept.is_in_ledger(event)]
        keep_deliveries(connection, unmatched)
        return Applied(
            events=fresh,
            unmatched=unmatched,
            bounces=keep_bounces(connection, fresh, matched),
            complaints=keep_complaints(connection, fresh, matched),
            suppressions=suppress(
                connection, fresh, joined, matched=matched, streams=kept.streams, policy=policy
            ),
        )


def _by_identity(events: Iterable[Event]) -> list[Event]:
    """Each event once.

    Of the two forms in which SES publishes one event, the one that carries our id.
    """
    distinct: dict[str, Event] = {}
    for event in events:
        held = distinct.get(event.identity)
        if held is None or held.message_id is None:
            distinct[event.identity] = event
    return list(distinct.values())
