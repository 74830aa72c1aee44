"""Probes: at a gate that refusals of SES shut, one message at a time tries whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid

from db.gates import CHANNEL, IS_FIRMLY_SHUT, IS_PROBING
from db.parking import DueMessage
from db.sealed_texts import opened_json
from db.states import TAKEN_BY_SES

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('mailsluice.probe', 0))")

_UNPROBED = f"({IS_PROBING} AND (g.probe_until IS NULL OR g.probe_until <= now()))"

_READY = text(f"SELECT 1 FROM gates AS g WHERE {_UNPROBED} LIMIT 1")  # noqa: S608  a constant


def _choose(condition: str, order: str) -> str:
    return f"""
    SELECT m.id FROM email_messages AS m JOIN gates AS ready ON ready.scope IN ('*', m.stream)
    WHERE m.state IN ('parked', 'queued') AND m.payload IS NOT NULL AND {condition}
        AND ready.message_id IS NOT NULL
        AND EXISTS (
            SELECT FROM gates AS g
            WHERE g.scope = ready.scope AND g.reason = ready.reason AND {_UNPROBED}
        )
        AND NOT EXISTS (
            SELECT FROM gates AS g WHERE g.scope IN ('*', m.stream)
                AND ({IS_FIRMLY_SHUT} OR g.probe_until > now())
        )
    ORDER BY {order} LIMIT 1 FOR UPDATE OF m SKIP LOCKED
    """  # noqa: S608  only constants are put in


# The message whose refusal shut the gate is the best probe: it waits for nothing else.
_THE_REFUSED = _choose("m.id = ready.message_id", "ready.shut_until")
_ANY = _choose("(m.due_at <= now() OR m.outcome_code = 'GateShut')", "m.due_at")

_TAKE = """
WITH chosen AS ({chosen}), leased AS (
    UPDATE gates AS g SET probe_until = now() + make_interval(secs => :lease_seconds)
    FROM chosen JOIN email_messages AS c USING (id)
    WHERE g.scope IN ('*', c.stream) AND {is_probing}
)
UPDATE email_messages AS m SET state = 'queued',
    due_at = now() + make_interval(secs => :lease_seconds), updated_at = now()
FROM chosen WHERE m.id = chosen.id
RETURNING m.id, m.stream, m.payload, m.due_at AS taken_until
"""
_TAKES = [
    text(_TAKE.format(chosen=chosen, is_probing=IS_PROBING)) for chosen in (_THE_REFUSED, _ANY)
]

# Nothing waits that could be a probe: then the next message that comes is one in effect.
_GIVE_UP = text(f"""
DELETE FROM gates AS g
WHERE {_UNPROBED} AND NOT EXISTS (
    SELECT FROM gates AS g WHERE g.scope = '*' AND {IS_FIRMLY_SHUT}
)
RETURNING g.scope
""")  # noqa: S608  only constants are put in

_WAS_TAKEN = text("SELECT FROM email_messages WHERE id = :id AND state = ANY(:taken)").bindparams(
    bindparam("id", type_=Uuid()), bindparam("taken", type_=ARRAY(Text()))
)

# Streams with the same configuration set were shut by the same message.
_OPEN = text(f"""
DELETE FROM gates AS g WHERE {IS_PROBING} AND (g.scope IN ('*', :stream) OR g.message_id = :id)
""").bindparams(bindparam("id", type_=Uuid()))  # noqa: S608  only constants are put in

_TRY_AGAIN = text(f"""
UPDATE gates AS g SET probe_until = now() + make_interval(secs => :after_seconds)
WHERE {IS_PROBING} AND g.scope IN ('*', :stream)
""")  # noqa: S608  only constants are put in

_TELL = text(f"SELECT pg_notify('{CHANNEL}', '')")


def take(engine: Engine, *, lease_seconds: float) -> DueMessage | None:
    """Take the next probe, over all processes: one message that waits at a gate to be probed.

    Nobody else probes the same gates for `lease_seconds`. None: there is nothing to probe now. A
    gate for which no message waits is opened.
    """
    with engine.begin() as connection:
        if not connection.scalar(_LOCK) or connection.scalar(_READY) is None:
            return None
        for statement in _TAKES:
            row = connection.execute(statement, {"lease_seconds": lease_seconds}).one_or_none()
            if row is not None:
                payload = opened_json(engine, row.payload)
                return DueMessage(row.id, row.stream, payload, row.taken_until)
        if connection.execute(_GIVE_UP).first() is not None:
            connection.execute(_TELL)
    return None


def settle(engine: Engine, probe: DueMessage, *, again_after_seconds: float) -> bool:
    """The probe has come back. Answers whether SES took it, which opens its gates.

    If it told nothing, neither taken nor refused for the gate's reason, another one may go after
    so long. A refusal has shut the gate again already.
    """
    with engine.begin() as connection:
        if _was_taken(connection, probe):
            connection.execute(_OPEN, {"stream": probe.stream, "id": probe.id})
            connection.execute(_TELL)
            return True
        terms = {"stream": probe.stream, "after_seconds": again_after_seconds}
        connection.execute(_TRY_AGAIN, terms)
    return False


def _was_taken(connection: Connection, probe: DueMessage) -> bool:
    taken = [str(state) for state in TAKEN_BY_SES]
    found = connection.execute(_WAS_TAKEN, {"id": probe.id, "taken": taken})
    return found.first() is not None
