"""Unknown outcomes: SES may have taken the message. Its own events tell, or their absence does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine

AT_ONCE = 500


@dataclass(frozen=True)
class HeldMessage:
    """A message of unknown outcome that a person must decide about."""

    id: UUID
    stream: str
    since: datetime
    code: str | None
    reason: str | None


# A grace time has passed (due_at), and after it the event queue was found empty: had SES taken
# the message, its Send event would have been applied by now. The silence is the proof, unless
# something came from that queue since the message was first claimed that could not be understood:
# that may have been its event, and then only a person can tell. A message that was not SNS's hid
# none: whoever forges one must not be able to stop our mail. The event may come to any of several
# queues, so it is silent only if all of them are: one that nobody drains yet proves nothing.
_SILENT = """
UPDATE email_messages AS m SET state = '{state}', due_at = {due_at}, updated_at = now()
FROM (
    SELECT id FROM email_messages
    WHERE state = 'unknown' AND due_at <= now() AND payload IS NOT NULL
        AND provable
        AND due_at < (
            SELECT min(drained_until) FROM consumer_watermarks WHERE queue = ANY(:queues)
            HAVING count(*) = cardinality(:queues)
        )
        AND {exists} (
            SELECT FROM refused_messages
            WHERE regexp_replace(queue, '-dlq$', '') = ANY(:queues) AND may_be_ours
                AND last_seen_at >= email_messages.created_at
        )
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
) AS silent
WHERE m.id = silent.id AND m.state = 'unknown'
RETURNING m.id
"""
_QUEUES = bindparam("queues", type_=ARRAY(Text()))
_RESEND_PROVEN = text(
    _SILENT.format(state="parked", due_at="now()", exists="NOT EXISTS")
).bindparams(_QUEUES)
_HOLD_DOUBTFUL = text(_SILENT.format(state="held", due_at="NULL", exists="EXISTS")).bindparams(
    _QUEUES
)

# Messages whose events must have come by now: has any of the latest ones been heard of? Where there
# are none, nothing speaks against the silence.
HEARD_OF_AT_MOST = 20
_HEARS_EVENTS = text(f"""
WITH lately AS (
    SELECT id FROM email_messages
    WHERE sent_at < now() - make_interval(secs => :grace_seconds)
        AND sent_at > now() - make_interval(secs => :grace_seconds) - interval '1 hour'
        AND provable
    ORDER BY sent_at DESC LIMIT {HEARD_OF_AT_MOST}
)
SELECT NOT EXISTS (SELECT FROM lately)
    OR EXISTS (SELECT FROM lately JOIN email_events AS e ON e.message_id = lately.id)
""")  # noqa: S608  a constant

# Without events nothing will ever be proved, and the stream's policy decides.
_BY_POLICY = text("""
UPDATE email_messages AS m SET state = :state, due_at = CASE :state WHEN 'parked' THEN now() END,
    updated_at = now()
FROM (
    SELECT id FROM email_messages
    WHERE state = 'unknown' AND due_at <= now() AND payload IS NOT NULL
        AND NOT provable AND stream = ANY(:streams)
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
) AS overdue
WHERE m.id = overdue.id AND m.state = 'unknown'
RETURNING m.id
""").bindparams(bindparam("streams", type_=ARRAY(Text())), bindparam("state", type_=Text()))

# The payload still lies on SQS, and is attached when that copy comes back.
_SWEEP = text("""
UPDATE email_messages AS m SET state = 'unknown', lease_until = NULL,
    lost_claims = lost_claims + 1,
    due_at = now() + make_interval(secs => :grace_seconds),
    outcome_code = 'LeaseExpired',
    outcome_reason = 'the worker ended before it could record an outcome', updated_at = now()
FROM (
    SELECT id FROM email_messages
    WHERE state = 'sending' AND lease_until < now()
    ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED
) AS lost
WHERE m.id = lost.id AND m.state = 'sending'
RETURNING m.id
""")

_HELD = text("""
SELECT id, stream, updated_at AS since, outcome_code AS code, outcome_reason AS reason
FROM email_messages WHERE state = 'held' ORDER BY updated_at LIMIT :most
""")

_RELEASE = text("""
UPDATE email_messages SET state = 'parked', due_at = now(), updated_at = now()
WHERE state = 'held' AND (:ids IS NULL OR id = ANY(:ids)) RETURNING id
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())))

_FAIL = text("""
UPDATE email_messages SET state = 'failed', payload = NULL, updated_at = now()
WHERE state = 'held' AND (:ids IS NULL OR id = ANY(:ids)) RETURNING id
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())))


def sweep(engine: Engine, *, grace_seconds: float) -> list[UUID]:
    """Claims whose lease ran out with their worker become unknown."""
    with engine.begin() as connection:
        rows = connection.execute(_SWEEP, {"grace_seconds": grace_seconds, "most": AT_ONCE})
        return [row.id for row in rows]


def hears_events(engine: Engine, *, grace_seconds: float) -> bool:
    """Whether SES's events come: without them, that the queue is empty proves nothing."""
    with engine.begin() as connection:
        return bool(connection.scalar(_HEARS_EVENTS, {"grace_seconds": grace_seconds}))


def resend_proven(engine: Engine, *, events_queues: Sequence[str]) -> list[UUID]:
    """Unknown messages that SES provably never took go back to be sent.

    `events_queues`: all those that an event of ours may come to.
    """
    terms = {"queues": _distinct(events_queues), "most": AT_ONCE}
    with engine.begin() as connection:
        return [row.id for row in connection.execute(_RESEND_PROVEN, terms)]


def hold_doubtful(engine: Engine, *, events_queues: Sequence[str]) -> list[UUID]:
    """Unknown messages whose event may be among those that could not be understood."""
    terms = {"queues": _distinct(events_queues), "most": AT_ONCE}
    with engine.begin() as connection:
        return [row.id for row in connection.execute(_HOLD_DOUBTFUL, terms)]


def resend_by_policy(engine: Engine, streams: Sequence[str]) -> list[UUID]:
    """Messages without events, of streams that rather send twice than not at all."""
    return _by_policy(engine, streams, "parked")


def hold_by_policy(engine: Engine, streams: Sequence[str]) -> list[UUID]:
    """Messages without events, of streams that rather ask a person."""
    return _by_policy(engine, streams, "held")


def held(engine: Engine, *, most: int) -> list[HeldMessage]:
    """Messages that wait for a person, the oldest first."""
    with engine.begin() as connection:
        rows = connection.execute(_HELD, {"most": most}).mappings()
        return [HeldMessage(**row) for row in rows]


def release(engine: Engine, ids: Sequence[UUID] | None) -> list[UUID]:
    """Send held messages after all; None means all of them. Answers which."""
    return _decide(engine, "release", ids)


def fail(engine: Engine, ids: Sequence[UUID] | None) -> list[UUID]:
    """End held messages unsent, as far as anybody knows; None means all. Answers which."""
    return _decide(engine, "fail", ids)


def _distinct(queues: Sequence[str]) -> list[str]:
    """No queues at all would be silent for ever, and prove everything."""
    if not queues:
        raise ValueError("there must be a queue that the events come to")
    return sorted(set(queues))


def _by_policy(engine: Engine, streams: Sequence[str], state: str) -> list[UUID]:
    terms = {"streams": list(streams), "state": state, "most": AT_ONCE}
    with engine.begin() as connection:
        return [row.id for row in connection.execute(_BY_POLICY, terms)]


def _decide(engine: Engine, decision: str, ids: Sequence[UUID] | None) -> list[UUID]:
    statement = _RELEASE if decision == "release" else _FAIL
    with engine.begin() as connection:
        return [row.id for row in connection.execute(statement, {"ids": ids and list(ids)})]
