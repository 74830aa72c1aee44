"""What a batch of events makes of the messages and recipients it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid

from db.states import MessageState, RecipientState, after_event, higher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from db.event_types import Event

_MATCH = text("""
SELECT id, ses_message_id FROM email_messages WHERE ses_message_id = ANY(:ses_message_ids)
""").bindparams(bindparam("ses_message_ids", type_=ARRAY(Text())))

# In the order of the ids, so that two batches cannot deadlock.
_LOCK = text("""
SELECT id, state FROM email_messages WHERE id = ANY(:ids) ORDER BY id FOR UPDATE
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
SELECT message_id, address, state FROM email_recipients WHERE message_id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())))

_MOVE_RECIPIENTS = text("""
UPDATE email_recipients AS r SET state = new.state, updated_at = now()
FROM unnest(:ids, :addresses, :states) AS new (message_id, address, state)
WHERE r.message_id = new.message_id AND r.address = new.address
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("addresses", type_=ARRAY(Text())),
    bindparam("states", type_=ARRAY(Text())),
)


def match_messages(connection: Connection, events: Sequence[Event]) -> dict[str, UUID]:
    """Our message id for each event's identity: by tag first, by SES's id second."""
    wanted = [event.ses_message_id for event in events if event.message_id is None]
    rows = connection.execute(_MATCH, {"ses_message_ids": [each for each in wanted if each]})
    by_ses_id = {row.ses_message_id: row.id for row in rows}
    matched: dict[str, UUID] = {}
    for event in events:
        found = event.message_id or by_ses_id.get(event.ses_message_id)
        if found:
            matched[event.identity] = found
    return matched


def move_messages(
    connection: Connection, events: Sequence[Event], matched: Mapping[str, UUID]
) -> set[UUID]:
    """Move the messages on; answers the ids that are in the ledger."""
    rows = connection.execute(_LOCK, {"ids": sorted(set(matched.values()))}).all()
    before = {row.id: MessageState(row.state) for row in rows}
    after = dict(before)
    ses_ids: dict[UUID, str | None] = {}
    for event in events:
        message_id = matched.get(event.identity)
        if message_id is not None and message_id in after:
            after[message_id] = after_event(after[message_id], event.kind)
            ses_ids[message_id] = event.ses_message_id
    moved = [message_id for message_id in before if after[message_id] != before[message_id]]
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
    before = {(row.message_id, row.address): RecipientState(row.state) for row in rows}
    after = dict(before)
    for event in events:
        message_id = matched.get(event.identity)
        for address, proven in event.recipients.items():
            if message_id is not None and (message_id, address) in after:
                key = (message_id, address)
                after[key] = higher(after[key], proven)
    moved = [key for key in before if after[key] != before[key]]
    connection.execute(
        _MOVE_RECIPIENTS,
        {
            "ids": [message_id for message_id, _address in moved],
            "addresses": [address for _message_id, address in moved],
            "states": [after[key] for key in moved],
        },
    )
