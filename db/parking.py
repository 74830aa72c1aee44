"""Parked messages that are due go back to SQS, without ever being in neither place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from config.errors import ConfigurationError
from db.gates import IS_SHUT
from db.sealed_texts import opened_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine, TextClause

    from db.ledger import Why


@dataclass(frozen=True)
class DueMessage:
    """A parked job that is due. `taken_until` is the dispatcher's lease and its fencing mark."""

    id: UUID
    stream: str
    payload: Mapping[str, Any]
    taken_until: datetime


# A dispatcher that died between taking and marking leaves `queued` rows that still hold their
# payload: they come due again. The message may then lie on SQS twice, which the claim absorbs.
_TAKE = text(f"""
UPDATE email_messages AS m SET state = 'queued',
    due_at = now() + make_interval(secs => :lease_seconds), updated_at = now()
FROM (
    SELECT id FROM email_messages
    WHERE state IN ('parked', 'queued') AND due_at <= now() AND payload IS NOT NULL
        AND stream = ANY(:streams)
        AND NOT EXISTS (
            SELECT FROM gates AS g WHERE g.scope IN ('*', stream) AND {IS_SHUT}
        )
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
) AS due
WHERE m.id = due.id
RETURNING m.id, m.stream, m.payload, m.due_at AS taken_until
""").bindparams(  # noqa: S608  a constant
    bindparam("streams", type_=ARRAY(Text()))
)

# Fenced by the lease: what another dispatcher has taken since, or a worker claimed, is not ours.
_STILL_OURS = """
FROM unnest(:ids, :taken) AS ours (id, taken_until)
WHERE m.id = ours.id AND m.state = 'queued' AND m.due_at = ours.taken_until
RETURNING m.id
"""


def _fenced(changes: str) -> TextClause:
    return text(f"UPDATE email_messages AS m SET {changes} {_STILL_OURS}").bindparams(  # noqa: S608  only constants are put in
        bindparam("ids", type_=ARRAY(Uuid())),
        bindparam("taken", type_=ARRAY(DateTime(timezone=True))),
    )


_MARK = _fenced("payload = NULL, due_at = NULL, updated_at = now()")

_GIVE_BACK = _fenced("""
    state = 'parked', due_at = now() + make_interval(secs => :after_seconds), updated_at = now()
""")

_FAIL = _fenced("""
    state = 'failed', payload = NULL, due_at = NULL,
    outcome_code = :code, outcome_reason = :reason, updated_at = now()
""")


def take_due(
    engine: Engine,
    streams: Sequence[str],
    *,
    most: int,
    lease_seconds: float,
    on_unreadable: Callable[[UUID], None] = lambda _: None,
) -> list[DueMessage]:
    """Take up to `most` due messages of streams whose gate is open, for `lease_seconds`.

    One that is encrypted with a key that is not at hand comes due again after that, and stands in
    nobody's way; `on_unreadable` is told of it.
    """
    terms = {"streams": list(streams), "most": most, "lease_seconds": lease_seconds}
    with engine.begin() as connection:
        rows = connection.execute(_TAKE, terms).all()
    due = []
    for row in rows:
        try:
            payload = opened_json(engine, row.payload)
        except ConfigurationError:
            on_unreadable(row.id)
        else:
            due.append(DueMessage(row.id, row.stream, payload, row.taken_until))
    return due


def mark_dispatched(engine: Engine, messages: Sequence[DueMessage]) -> None:
    """Their copies lie on SQS now: drop the payloads that were kept here."""
    _write(engine, _MARK, messages)


def give_back(
    engine: Engine, messages: Sequence[DueMessage], *, after_seconds: float = 0.0
) -> None:
    """They were taken and not dispatched: they are parked again, and due so soon."""
    _write(engine, _GIVE_BACK, messages, after_seconds=after_seconds)


def fail(engine: Engine, messages: Sequence[DueMessage], why: Why) -> list[UUID]:
    """End messages that can never be dispatched. Answers which of them were still ours to end."""
    return _write(engine, _FAIL, messages, code=why.code, reason=why.reason)


def _write(
    engine: Engine, statement: TextClause, messages: Sequence[DueMessage], **values: object
) -> list[UUID]:
    if not messages:
        return []
    ours = {
        "ids": [message.id for message in messages],
        "taken": [message.taken_until for message in messages],
    }
    with engine.begin() as connection:
        return [row.id for row in connection.execute(statement, {**ours, **values})]
