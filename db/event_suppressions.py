"""What a batch of events does to the suppression list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import soft_bounces, soft_suppressions
from db.old_evidence import without_old
from db.states import EventKind, RecipientState
from db.suppression_scopes import entries_of
from db.suppressions import add_in, in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from config.suppression import SuppressionPolicy
    from db.event_types import Event
    from db.suppressions import Suppression


def suppress(
    connection: Connection,
    fresh: Sequence[Event],
    joined: Sequence[Event],
    *,
    matched: Mapping[str, UUID],
    streams: Mapping[UUID, str],
    policy: SuppressionPolicy,
) -> list[Suppression]:
    """Bring the list in step with the events; answers the entries that were added or changed.

    Events that only `joined` their message were evidence when they were fresh; but what their
    message's deliveries and bounces mean for the soft bounces is known only now.
    """
    asked = [
        (event, entry)
        for event in fresh
        for entry in entries_of(
            event,
            policy,
            message_id=matched.get(event.identity),
            stream=_stream(event, matched, streams),
        )
    ]
    wanted = in_force(connection, without_old(connection, asked))
    others = [each.address for each in wanted]
    return add_in(connection, wanted + _soft(connection, [*fresh, *joined], others, policy))


def _stream(event: Event, matched: Mapping[str, UUID], streams: Mapping[UUID, str]) -> str | None:
    """The ledger's word first: a tag is only what came back of ours."""
    message_id = matched.get(event.identity)
    known = streams.get(message_id) if message_id is not None else None
    return known or event.stream


def _soft(
    connection: Connection,
    events: Sequence[Event],
    others: Sequence[str],
    policy: SuppressionPolicy,
) -> list[Suppression]:
    bounced = _named(events, EventKind.BOUNCE)
    delivered = _named(events, EventKind.DELIVERY)
    soft_bounces.lock(connection, bounced, delivered)
    affected = soft_bounces.affected(connection, bounced, delivered)
    return soft_suppressions.settle(
        connection,
        affected,
        others=others,
        causes={**delivered, **bounced},
        rules=policy.soft_bounces,
    )


def _named(events: Sequence[Event], kind: EventKind) -> dict[str, str]:
    """The recipients of the events of a kind, each with the identity of the last that names it."""
    return {
        address: event.identity
        for event in events
        if event.kind is kind
        for address in (*_meant(event), *(bounce.address for bounce in event.bounces))
    }


def _meant(event: Event) -> Iterable[str]:
    """Whom the message went to, of those whom the event names."""
    return (
        address
        for address, state in event.recipients.items()
        if state is not RecipientState.PENDING
    )
