"""Starts of messages that SQS shows again, so that one that kills its workers is found out.

A message that is received for the first time leaves no trace here, and costs nothing. From the
second receive on its start is written down, and struck out when it leaves the worker's hands. A
start that was never struck out is a process that died, with this message in hand among others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Integer, Text, Uuid

from db.engine import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Engine

# Starts that were never struck out, this one included, from which on a message is tried apart.
APART_FROM_START = 3
# Longer than SQS keeps any message.
FORGOTTEN_AFTER_DAYS = 15


class Standing(StrEnum):
    """What is to be done with a message at its start."""

    CLEAR = "clear"
    SUSPECT = "suspect"
    CONDEMNED = "condemned"


@dataclass(frozen=True)
class Start:
    """A message at its start, as SQS shows it."""

    sqs_message_id: str
    receive_count: int


# A count of receives that went back is another life: its letter was sent back from the dead-letter
# queue. Sorted, so that two workers cannot wait for each other's rows.
_BEGIN = text("""
INSERT INTO message_starts AS s (queue, sqs_message_id, receive_count)
SELECT :queue, id, max(count) FROM unnest(:ids, :counts) AS shown (id, count)
GROUP BY id ORDER BY id
ON CONFLICT (queue, sqs_message_id) DO UPDATE SET
    starts = CASE WHEN s.receive_count < excluded.receive_count THEN s.starts + 1 ELSE 1 END,
    trials = CASE WHEN s.receive_count < excluded.receive_count THEN s.trials ELSE 0 END,
    condemned = s.condemned AND s.receive_count < excluded.receive_count,
    receive_count = excluded.receive_count, started_at = now()
RETURNING sqs_message_id, starts, condemned
""").bindparams(bindparam("ids", type_=ARRAY(Text())), bindparam("counts", type_=ARRAY(Integer())))

_END = text("""
DELETE FROM message_starts
WHERE queue = :queue AND sqs_message_id = ANY(:ids) AND NOT condemned
""").bindparams(bindparam("ids", type_=ARRAY(Text())))

_TRY = text("""
UPDATE message_starts SET trials = trials + 1
WHERE queue = :queue AND sqs_message_id = :id RETURNING trials
""")

_SUSPECT = text("""
INSERT INTO message_starts AS s (queue, sqs_message_id, receive_count, starts, trials)
VALUES (:queue, :id, :receive_count, :starts, :trials)
ON CONFLICT (queue, sqs_message_id) DO UPDATE SET
    starts = greatest(s.starts, excluded.starts), trials = greatest(s.trials, excluded.trials)
""")

_CONDEMN = text("""
UPDATE message_starts SET condemned = true WHERE queue = :queue AND sqs_message_id = :id
""")

# What an operator sends back from the dead-letter queue is tried as if it were new.
_FORGIVE = text("UPDATE email_messages SET lost_claims = 0 WHERE id = :id").bindparams(
    bindparam("id", type_=Uuid())
)

_LOST_CLAIMS = text("SELECT lost_claims FROM email_messages WHERE id = :id").bindparams(
    bindparam("id", type_=Uuid())
)

_FORGET = text("""
DELETE FROM message_starts WHERE started_at < now() - make_interval(days => :days)
""")


def begin(engine: Engine, queue: str, starts: Sequence[Start]) -> Mapping[str, Standing]:
    """Write the starts down, and answer how each message stands, by SQS's id."""
    parameters = {
        "queue": queue,
        "ids": [start.sqs_message_id for start in starts],
        "counts": [start.receive_count for start in starts],
    }
    with statements(engine) as connection:
        rows = connection.execute(_BEGIN, parameters).all()
    return {row.sqs_message_id: _standing(row.starts, condemned=row.condemned) for row in rows}


def _standing(starts: int, *, condemned: bool) -> Standing:
    if condemned:
        return Standing.CONDEMNED
    return Standing.SUSPECT if starts >= APART_FROM_START else Standing.CLEAR


def end(engine: Engine, queue: str, sqs_message_ids: Sequence[str]) -> None:
    """The messages left the worker's hands, and it lives."""
    with statements(engine) as connection:
        connection.execute(_END, {"queue": queue, "ids": list(sqs_message_ids)})


def suspect(engine: Engine, queue: str, start: Start, *, lost_claims: int) -> None:
    """The message is to be tried apart at its next start, for its claims were lost so often."""
    values = {
        "receive_count": start.receive_count,
        # One less: the next start counts itself.
        "starts": APART_FROM_START - 1,
        "trials": max(0, lost_claims - APART_FROM_START),
    }
    with statements(engine) as connection:
        connection.execute(_SUSPECT, {"queue": queue, "id": start.sqs_message_id, **values})


def begin_trial(engine: Engine, queue: str, sqs_message_id: str) -> int:
    """A suspect is about to be tried apart; answers how many trials it has begun by now."""
    with statements(engine) as connection:
        trials = connection.scalar(_TRY, {"queue": queue, "id": sqs_message_id})
    return int(trials or 1)


def lost_claims(engine: Engine, message_id: UUID) -> int:
    """How many workers died with the message claimed; 0 for one that nobody has claimed."""
    with statements(engine) as connection:
        return int(connection.scalar(_LOST_CLAIMS, {"id": message_id}) or 0)


def condemn(engine: Engine, queue: str, sqs_message_id: str, message_id: UUID | None) -> None:
    """The message killed whoever took it: no worker starts it again, until it is redriven."""
    with engine.begin() as connection:
        connection.execute(_CONDEMN, {"queue": queue, "id": sqs_message_id})
        if message_id is not None:
            connection.execute(_FORGIVE, {"id": message_id})


def forget(engine: Engine) -> None:
    """Drop what is older than any message on SQS."""
    with statements(engine) as connection:
        connection.execute(_FORGET, {"days": FORGOTTEN_AFTER_DAYS})
