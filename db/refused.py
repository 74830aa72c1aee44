"""Messages that could not be understood, kept with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

_KEEP = text("""
INSERT INTO refused_messages (queue, sqs_message_id, reason, body)
VALUES (:queue, :sqs_message_id, :reason, :body)
ON CONFLICT (queue, sqs_message_id) DO UPDATE SET reason = excluded.reason,
    times_seen = refused_messages.times_seen + 1, last_seen_at = now()
RETURNING times_seen
""")


def keep(engine: Engine, *, queue: str, sqs_message_id: str, reason: str, body: str) -> int:
    """Write a refused message down; answers how often it has been seen by now."""
    with engine.begin() as connection:
        return int(
            connection.execute(
                _KEEP,
                {
                    "queue": queue,
                    "sqs_message_id": sqs_message_id,
                    "reason": storable(reason),
                    "body": storable(body),
                },
            ).scalar_one()
        )


def storable(value: str) -> str:
    """The text without what PostgreSQL cannot hold: U+0000 and lone surrogates."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
