"""What a batch of events makes of the messages and recipients it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.batch_sql import BatchStatement, array, rank_of
from db.states import (
    MESSAGE_RANK,
    RECIPIENT_RANK,
    EventKind,
    MessageState,
    RecipientState,
    further,
    higher,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from db.event_types import Event

    Recipient = tuple[UUID, str]

# In the order of the ids, so that two batches cannot deadlock. SES's message id is filled in for a
# send whose answer was lost.
_MOVE = BatchStatement(f"""
WITH held AS MATERIALIZED (
    SELECT id FROM email_messages WHERE id = ANY(:ids::uuid[]) ORDER BY id FOR UPDATE
)
UPDATE email_messages AS m SET
    state = CASE WHEN new.rank > {rank_of("m.state", MESSAGE_RANK)}
        THEN new.state ELSE m.state END,
    ses_message_id = coalesce(m.ses_message_id, new.ses_message_id),
    sent_at = coalesce(m.sent_at, now()),
    lease_until = NULL, due_at = NULL, payload = NULL, updated_at = now()
FROM held JOIN unnest(:ids::uuid[], :states::text[], :ranks::int[], :ses_message_ids::text[])
    AS new (id, state, rank, ses_message_id) USING (id)
WHERE m.id = held.id
    AND (new.rank > {rank_of("m.state", MESSAGE_RANK)}
        OR (m.ses_message_id IS NULL AND new.ses_message_id IS NOT NULL))
""")  # noqa: S608  constants

# Whoever writes a recipient holds its message.
_MOVE_RECIPIENTS = BatchStatement(f"""
UPDATE email_recipients AS r SET
    state = CASE WHEN new.rank > {rank_of("r.state", RECIPIENT_RANK)}
        THEN new.state ELSE r.state END,
    delivered_at = greatest(r.delivered_at, new.delivered_at), updated_at = now()
FROM unnest(:ids::uuid[], :addresses::text[], :states::text[], :ranks::int[],
    :delivered_at::timestamptz[]) AS new (message_id, address, state, rank, delivered_at)
WHERE r.message_id = new.message_id AND r.address = new.address
    AND (new.rank > {rank_of("r.state", RECIPIENT_RANK)}
        OR new.delivered_at > coalesce(r.delivered_at, '-infinity'))
""")  # noqa: S608  constants


def move_messages(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> None:
    """Move the messages on to the most that the events prove. All of them prove that SES had it."""
    proven: dict[UUID, MessageState] = {}
    ses_ids: dict[UUID, str | None] = {}
    for message_id, event in _about(events, matched):
        known = proven.get(message_id, event.proves_of_message)
        proven[message_id] = further(known, event.proves_of_message)
        ses_ids[message_id] = event.ses_message_id or ses_ids.get(message_id)
    if proven:
        _MOVE.run(
            connection,
            ids=array(proven),
            states=array(proven.values()),
            ranks=array(MESSAGE_RANK[state] for state in proven.values()),
            ses_message_ids=array(ses_ids.values()),
        )


def move_recipients(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> None:
    """Move each recipient on to the most that the events prove for it."""
    proven: dict[Recipient, RecipientState] = {}
    delivered: dict[Recipient, datetime] = {}
    for message_id, event in _about(events, matched):
        for address, state in event.recipients.items():
            key = (message_id, address)
            known = proven.get(key)
            proven[key] = state if known is None else higher(known, state)
            # Somebody who opens a message proves as much, but not when it was delivered.
            if event.kind is EventKind.DELIVERY and state is not RecipientState.PENDING:
                delivered[key] = max(delivered.get(key, event.occurred_at), event.occurred_at)
    if proven:
        _MOVE_RECIPIENTS.run(
            connection,
            ids=array(message_id for message_id, _address in proven),
            addresses=array(address for _message_id, address in proven),
            states=array(proven.values()),
            ranks=array(RECIPIENT_RANK[state] for state in proven.values()),
            delivered_at=array(map(delivered.get, proven)),
        )


def _about(events: Sequence[Event], matched: Mapping[str, UUID]) -> Iterable[tuple[UUID, Event]]:
    for event in events:
        message_id = matched.get(event.identity)
        if message_id is not None:
            yield message_id, event
