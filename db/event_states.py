"""What a batch of events makes of the messages and recipients it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from db.states import (
    TAKEN_BY_SES,
    EventKind,
    MessageState,
    RecipientState,
    after_event,
    higher,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from db.event_types import Event

_MATCH = text("""
SELECT id, ses_message_id, stream FROM email_messages WHERE id = ANY(:ids)
UNION
SELECT id, ses_message_id, stream FROM email_messages WHERE ses_message_id = ANY(:ses_message_ids)
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())), bindparam("ses_message_ids", type_=ARRAY(Text()))
)

# In the order of the ids, so that two batches cannot deadlock.
_LOCK = text("""
SELECT id, state, ses_message_id FROM email_messages WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())))

# SES's message id is filled in for a send whose answer was lost.
_MOVE = text("""
UPDATE email_messages AS m SET state = new.state,
    ses_message_id = coalesce(m.ses_message_id, new.ses_message_id),
    sent_at = coalesce(m.sent_at, now()),
    lease_until = NULL, due_at = NULL, payload = NULL, updated_at = now()
FROM unnest(:ids, :states, :ses_message_ids) AS new (id, state, ses_message_id)
WHERE m.id = new.id
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("states", type_=ARRAY(Text())),
    bindparam("ses_message_ids", type_=ARRAY(Text())),
)

_RECIPIENTS = text("""
SELECT message_id, address, state, delivered_at FROM email_recipients
WHERE message_id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())))

_MOVE_RECIPIENTS = text("""
UPDATE email_recipients AS r SET state = new.state, delivered_at = new.delivered_at,
    updated_at = now()
FROM unnest(:ids, :addresses, :states, :delivered_at)
    AS new (message_id, address, state, delivered_at)
WHERE r.message_id = new.message_id AND r.address = new.address
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("addresses", type_=ARRAY(Text())),
    bindparam("states", type_=ARRAY(Text())),
    bindparam("delivered_at", type_=ARRAY(DateTime(timezone=True))),
)


def match_messages(
    connection: Connection, events: Sequence[Event]
) -> tuple[dict[str, UUID], dict[UUID, str]]:
    """Our message id for each event's identity: by tag first, by SES's id second.

    Also the streams of those messages that are in the ledger.
    """
    wanted = [event.ses_message_id for event in events if event.message_id is None]
    rows = connection.execute(
        _MATCH,
        {
            "ids": [event.message_id for event in events if event.message_id is not None],
            "ses_message_ids": [each for each in wanted if each],
        },
    ).all()
    by_ses_id = {row.ses_message_id: row.id for row in rows}
    matched: dict[str, UUID] = {}
    for event in events:
        found = event.message_id or by_ses_id.get(event.ses_message_id)
        if found:
            matched[event.identity] = found
    return matched, {row.id: row.stream for row in rows}


def move_messages(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> set[UUID]:
    """Move the messages on; answers the ids that are in the ledger."""
    rows = connection.execute(_LOCK, {"ids": sorted(set(matched.values()))}).all()
    before = {row.id: MessageState(row.state) for row in rows}
    unnamed = {row.id for row in rows if row.ses_message_id is None}
    after = dict(before)
    ses_ids: dict[UUID, str | None] = {}
    for event in events:
        message_id = matched.get(event.identity)
        if message_id is not None and message_id in after:
            after[message_id] = after_event(after[message_id], event.kind)
            ses_ids[message_id] = event.ses_message_id or ses_ids.get(message_id)
    moved = [
        message_id
        for message_id in before
        if after[message_id] != before[message_id]
        or (after[message_id] in TAKEN_BY_SES and message_id in unnamed & ses_ids.keys())
    ]
    connection.execute(
        _MOVE,
        {
            "ids": moved,
            "states": [after[message_id] for message_id in moved],
            "ses_message_ids": [ses_ids[message_id] for message_id in moved],
        },
    )
    return set(before)


def move_recipients(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> None:
    """Move each recipient on to what the events prove for it."""
    rows = connection.execute(_RECIPIENTS, {"ids": sorted(set(matched.values()))})
    before = {
        (row.message_id, row.address): (RecipientState(row.state), row.delivered_at) for row in rows
    }
    after = dict(before)
    for event in events:
        message_id = matched.get(event.identity)
        for address, proven in event.recipients.items():
            if message_id is not None and (message_id, address) in after:
                state, delivered_at = after[message_id, address]
                after[message_id, address] = (
                    higher(state, proven),
                    _last_delivery(delivered_at, event),
                )
    moved = [key for key in before if after[key] != before[key]]
    connection.execute(
        _MOVE_RECIPIENTS,
        {
            "ids": [message_id for message_id, _address in moved],
            "addresses": [address for _message_id, address in moved],
            "states": [after[key][0] for key in moved],
            "delivered_at": [after[key][1] for key in moved],
        },
    )


def _last_delivery(known: datetime | None, event: Event) -> datetime | None:
    """Somebody who opens a message proves as much, but not when it was delivered."""
    if event.kind is not EventKind.DELIVERY:
        return known
    return event.occurred_at if known is None else max(known, event.occurred_at)
