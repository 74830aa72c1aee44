"""Messages that could not be understood, kept with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db.address_keys import encryption_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

_KEEP = text("""
INSERT INTO refused_messages (queue, sqs_message_id, reason, body, may_be_ours)
VALUES (:queue, :sqs_message_id, :reason, :body, :may_be_ours)
ON CONFLICT (queue, sqs_message_id) DO UPDATE SET reason = excluded.reason,
    body = excluded.body, discarded_at = NULL, may_be_ours = excluded.may_be_ours,
    times_seen = refused_messages.times_seen + 1, last_seen_at = now()
RETURNING times_seen
""")

# A dead letter has the id that it had on its first queue, and what was wrong is told by its first
# record; a later one, under its dead-letter queue, tells what an operator did about it.
_REASONS = text("""
SELECT DISTINCT ON (sqs_message_id) sqs_message_id, reason FROM refused_messages
WHERE sqs_message_id = ANY(:ids) ORDER BY sqs_message_id, first_seen_at, id
""").bindparams(bindparam("ids", type_=ARRAY(Text())))


def keep(
    engine: Engine,
    *,
    queue: str,
    sqs_message_id: str,
    reason: str,
    body: str,
    may_be_ours: bool = True,
) -> int:
    """Write a refused message down; answers how often it has been seen by now.

    `may_be_ours`: it may hide the event of a message of ours, whose unknown outcome it then puts
    in doubt.
    """
    with engine.begin() as connection:
        return int(
            connection.execute(
                _KEEP,
                {
                    "queue": queue,
                    "sqs_message_id": sqs_message_id,
                    "reason": storable(reason),
                    "body": encryption_of(engine).seal(storable(body)),
                    "may_be_ours": may_be_ours,
                },
            ).scalar_one()
        )


def reasons(engine: Engine, sqs_message_ids: Sequence[str]) -> dict[str, str]:
    """Why messages were refused in the first place, by SQS's id, of those that were."""
    with engine.begin() as connection:
        rows = connection.execute(_REASONS, {"ids": list(sqs_message_ids)})
        return {row.sqs_message_id: row.reason for row in rows}


def storable(value: str) -> str:
    """The text without what PostgreSQL cannot hold: U+0000 and lone surrogates."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
