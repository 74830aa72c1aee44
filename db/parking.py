"""Parked messages that are due go back to SQS, without ever being in neither place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine


@dataclass(frozen=True)
class DueMessage:
    """A parked job that is due. `taken_until` is the dispatcher's lease and its fencing mark."""

    id: UUID
    stream: str
    payload: dict[str, Any]
    taken_until: datetime


# A dispatcher that died between taking and marking leaves `queued` rows that still hold their
# payload: they come due again. The message may then lie on SQS twice, which the claim absorbs.
_TAKE = text("""
UPDATE email_messages AS m SET state = 'queued',
    due_at = now() + make_interval(secs => :lease_seconds), updated_at = now()
FROM (
    SELECT id FROM email_messages
    WHERE state IN ('parked', 'queued') AND due_at <= now() AND payload IS NOT NULL
        AND stream = ANY(:streams)
        AND NOT EXISTS (
            SELECT FROM gates
            WHERE scope IN ('*', stream) AND (shut_until IS NULL OR shut_until > now())
        )
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
) AS due
WHERE m.id = due.id
RETURNING m.id, m.stream, m.payload, m.due_at AS taken_until
""").bindparams(bindparam("streams", type_=ARRAY(Text())))

_MARK = text("""
UPDATE email_messages AS m SET payload = NULL, due_at = NULL, updated_at = now()
FROM unnest(:ids, :taken) AS done (id, taken_until)
WHERE m.id = done.id AND m.state = 'queued' AND m.due_at = done.taken_until
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("taken", type_=ARRAY(DateTime(timezone=True))),
)


def take_due(
    engine: Engine, streams: Sequence[str], *, most: int, lease_seconds: float
) -> list[DueMessage]:
    """Take up to `most` due messages of streams whose gate is open, for `lease_seconds`."""
    with engine.begin() as connection:
        rows = connection.execute(
            _TAKE, {"streams": list(streams), "most": most, "lease_seconds": lease_seconds}
        )
        return [DueMessage(row.id, row.stream, row.payload, row.taken_until) for row in rows]


def mark_dispatched(engine: Engine, messages: Sequence[DueMessage]) -> None:
    """Their copies lie on SQS now: drop the payloads that were kept here."""
    with engine.begin() as connection:
        connection.execute(
            _MARK,
            {
                "ids": [message.id for message in messages],
                "taken": [message.taken_until for message in messages],
            },
        )
