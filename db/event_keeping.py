"""Each event is kept once, and finds its message: by our tag first, by SES's id second."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from db.batch_sql import BatchStatement, array, json_array
from db.sealed_texts import sealed_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from db.event_types import Event


@dataclass
class Kept:
    """What of a batch was news.

    `joined` are events that were known and found their message only now. `matched` is the message
    of each event by its identity, and `streams` the streams of those that are in the ledger.
    """

    fresh: list[Event] = field(default_factory=list)
    joined: list[Event] = field(default_factory=list)
    matched: dict[str, UUID] = field(default_factory=dict)
    streams: dict[UUID, str] = field(default_factory=dict)

    def is_in_ledger(self, event: Event) -> bool:
        """Whether the event's message was there when the event was kept."""
        return self.matched.get(event.identity) in self.streams


# In the order of the unique key that the insert takes locks in. An event that matched no message
# joins one when it comes again and names it, or its message is in the ledger by then. One whose
# message is not in the ledger keeps what it proves until it is.
_KEEP = BatchStatement("""
WITH told AS (
    SELECT * FROM ROWS FROM (
        unnest(:identity::text[], :kind::text[], :message_id::uuid[], :ses_message_id::text[],
            :occurred_at::timestamptz[]),
        json_array_elements(:proves::json),
        json_array_elements(:raw::json)
    ) AS told (identity, kind, message_id, ses_message_id, occurred_at, proves, raw)
), new AS MATERIALIZED (
    SELECT told.identity, kind, coalesce(told.message_id, named.id) AS message_id,
        told.ses_message_id, occurred_at, proves, raw,
        coalesce(tagged.stream, named.stream) AS stream
    FROM told
    LEFT JOIN email_messages AS tagged ON tagged.id = told.message_id
    LEFT JOIN LATERAL (
        SELECT id, stream FROM email_messages
        WHERE told.message_id IS NULL AND ses_message_id = told.ses_message_id LIMIT 1
    ) AS named ON true
), kept AS (
    INSERT INTO email_events AS e
        (identity, kind, message_id, ses_message_id, occurred_at, proves, raw)
    SELECT identity, kind, message_id, ses_message_id, occurred_at,
        CASE WHEN stream IS NULL AND coalesce(message_id::text, ses_message_id) IS NOT NULL
            THEN proves END,
        raw
    FROM new ORDER BY identity
    ON CONFLICT (identity) DO UPDATE SET message_id = excluded.message_id, proves = excluded.proves
    WHERE excluded.message_id IS NOT NULL
        AND (e.message_id IS NULL OR (e.proves IS NOT NULL AND excluded.proves IS NULL))
    RETURNING identity, xmax = 0 AS is_new
)
SELECT kept.identity, is_new, message_id, stream FROM kept JOIN new USING (identity)
""")


def _raw(event: Event) -> str:
    # What is not ASCII may hold half a character, which no database takes.
    written = event.raw_text
    if written is not None and written.isascii():
        return written
    return json.dumps(dict(event.raw), separators=(",", ":"))


def keep_events(connection: Connection, events: Sequence[Event]) -> Kept:
    """Keep each event once."""
    by_identity = {event.identity: event for event in events}
    rows = _KEEP.run(
        connection,
        identity=array(by_identity),
        kind=array(event.kind for event in events),
        message_id=array(event.message_id for event in events),
        ses_message_id=array(event.ses_message_id for event in events),
        occurred_at=array(event.occurred_at for event in events),
        proves=json_array(json.dumps(dict(event.recipients)) for event in events),
        raw=json_array(sealed_json(connection, _raw(event)) for event in events),
    )
    kept = Kept()
    for row in rows:
        (kept.fresh if row.is_new else kept.joined).append(by_identity[row.identity])
        if row.message_id is not None:
            kept.matched[row.identity] = row.message_id
        if row.stream is not None:
            kept.streams[row.message_id] = row.stream
    return kept
