"""Gates: while one is shut, no mail of its scope is taken out of the queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.types import Uuid

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine, TextClause

EVERYTHING = "*"
OPERATOR = "operator"
# Too many bounces or complaints.
REPUTATION = "reputation"

# Reasons that SES's own account data decides about, whoever shut the gate for them.
ACCOUNT_PAUSED = "account_paused"
QUOTA = "quota"
# API v2 says this for the account as for a configuration set: the account data tells which.
SENDING_PAUSED = "sending_paused"

# The channel of PostgreSQL on which every change of a gate is told.
CHANNEL = "mailsluice_gates"

# A refused probe shuts the gate for somewhat longer: with 30 s of halt a cure is found in 45 s.
REFUSED_PROBE_FACTOR = 1.5
# If no worker has probed for so long, none can: then the gate opens by time after all.
PROBED_WITHIN = "interval '5 minutes'"

# The time of the gate `g` is over, and a probe has to open it.
IS_PROBING = (
    f"(g.message_id IS NOT NULL AND g.shut_until <= now() "
    f"AND g.shut_until > now() - {PROBED_WITHIN})"
)
IS_FIRMLY_SHUT = "(g.shut_until IS NULL OR g.shut_until > now())"
IS_SHUT = f"({IS_FIRMLY_SHUT} OR {IS_PROBING})"


@dataclass(frozen=True)
class ShutGate:
    """A gate that is shut, why, and for how many seconds more; None: until somebody opens it.

    `shut_for_seconds`: since when. `expected_seconds`: when it is likely to open, where that is
    known and later. `is_probing`: its time is over, and single messages try whether all is well.
    """

    scope: str
    reason: str
    seconds: float | None
    shut_for_seconds: float = field(default=0.0, compare=False)
    expected_seconds: float | None = field(default=None, compare=False)
    is_probing: bool = field(default=False, compare=False)


_TELL = text(f"SELECT pg_notify('{CHANNEL}', '')")

_SHUT = text(f"""
INSERT INTO gates AS g (scope, reason, shut_until, expected_at)
VALUES (:scope, :reason, now() + make_interval(secs => :seconds),
    now() + make_interval(secs => :expected_seconds))
ON CONFLICT (scope, reason) DO UPDATE SET
    shut_at = CASE WHEN {IS_SHUT} THEN g.shut_at ELSE now() END,
    message_id = CASE WHEN {IS_SHUT} THEN g.message_id END,
    shut_until = CASE WHEN g.shut_until IS NULL THEN NULL
        ELSE GREATEST(g.shut_until, excluded.shut_until) END,
    expected_at = excluded.expected_at
RETURNING shut_at = now() AS is_new
""")  # noqa: S608  a constant

_SHUT_UNTIL_OPENED = text("""
INSERT INTO gates AS g (scope, reason, shut_until) VALUES (:scope, :reason, NULL)
ON CONFLICT (scope, reason) DO UPDATE SET shut_until = NULL
RETURNING true AS is_new
""")

_REFUSE = text(f"""
INSERT INTO gates AS g (scope, reason, shut_until, message_id)
VALUES (:scope, :reason, now() + make_interval(secs => :seconds), :message_id)
ON CONFLICT (scope, reason) DO UPDATE SET
    shut_at = CASE WHEN {IS_SHUT} THEN g.shut_at ELSE now() END,
    refusals = CASE WHEN {IS_PROBING} THEN g.refusals + 1
        WHEN {IS_SHUT} THEN g.refusals ELSE 0 END,
    message_id = CASE WHEN {IS_FIRMLY_SHUT} THEN coalesce(g.message_id, excluded.message_id)
        ELSE excluded.message_id END,
    probe_until = NULL,
    shut_until = CASE WHEN g.shut_until IS NULL THEN NULL
        WHEN {IS_PROBING}
            THEN now() + make_interval(secs => :seconds * {REFUSED_PROBE_FACTOR})
        ELSE GREATEST(g.shut_until, excluded.shut_until) END
RETURNING shut_at = now() AS is_new
""").bindparams(bindparam("message_id", type_=Uuid()))  # noqa: S608  a constant

_OPEN = text(f"""
DELETE FROM gates AS g WHERE scope = :scope AND reason = :reason AND {IS_SHUT} RETURNING scope
""")  # noqa: S608  a constant

# What SES refused while its account data says that all is well is tried with one message, once;
# if that is refused too, the data is behind, and the gate's own time counts.
_CURE = text(f"""
WITH opened AS (
    DELETE FROM gates AS g
    WHERE scope = :scope AND reason = :reason AND message_id IS NULL AND {IS_SHUT}
    RETURNING scope
), probing AS (
    UPDATE gates AS g SET shut_until = now()
    WHERE scope = :scope AND reason = :reason AND message_id IS NOT NULL
        AND refusals = 0 AND shut_until > now()
    RETURNING scope
)
SELECT scope FROM opened UNION ALL SELECT scope FROM probing
""")  # noqa: S608  a constant

_ALL = text(f"""
SELECT scope, reason,
    GREATEST(EXTRACT(epoch FROM shut_until - now()),
        CASE WHEN shut_until IS NOT NULL THEN 0 END)::float AS seconds,
    EXTRACT(epoch FROM now() - shut_at)::float AS shut_for_seconds,
    EXTRACT(epoch FROM expected_at - now())::float AS expected_seconds,
    {IS_PROBING} AS is_probing
FROM gates AS g WHERE {IS_SHUT} ORDER BY scope, reason
""")  # noqa: S608  a constant


def shut(
    engine: Engine,
    scope: str,
    *,
    reason: str,
    seconds: float | None,
    expected_seconds: float | None = None,
) -> bool:
    """Shut the gate of a stream, or of `*`, for at least so long; None: until it is opened.

    `expected_seconds` tells the operator when it is likely to open. Answers whether it was open.
    """
    statement = _SHUT_UNTIL_OPENED if seconds is None else _SHUT
    return _shut(
        engine, statement, scope, reason, seconds=seconds, expected_seconds=expected_seconds
    )


def refuse(engine: Engine, scope: str, *, reason: str, message_id: UUID, seconds: float) -> bool:
    """SES refused this message for what concerns the whole scope: shut its gate.

    After `seconds` a probe decides. Answers whether the gate was open.
    """
    return _shut(engine, _REFUSE, scope, reason, seconds=seconds, message_id=message_id)


def open_again(engine: Engine, scope: str, *, reason: str) -> bool:
    """Take one reason away; answers whether it had kept the gate shut."""
    return _open(engine, _OPEN, scope, reason)


def cure(engine: Engine, scope: str, *, reason: str) -> bool:
    """SES's account data says that the reason is over. Answers whether that changes anything.

    A gate that a refusal of SES had shut is opened by a probe, which may go at once.
    """
    return _open(engine, _CURE, scope, reason)


def all_shut(engine: Engine) -> list[ShutGate]:
    """Every gate that is shut at this moment."""
    with engine.begin() as connection:
        return [ShutGate(**row._mapping) for row in connection.execute(_ALL)]  # noqa: SLF001  public in spite of its name


def _shut(engine: Engine, statement: TextClause, scope: str, reason: str, **values: object) -> bool:
    with engine.begin() as connection:
        terms = {"scope": scope, "reason": reason, **values}
        is_new = bool(connection.execute(statement, terms).one().is_new)
        if is_new:
            connection.execute(_TELL)
    return is_new


def _open(engine: Engine, statement: TextClause, scope: str, reason: str) -> bool:
    with engine.begin() as connection:
        terms = {"scope": scope, "reason": reason}
        is_changed = connection.execute(statement, terms).first() is not None
        if is_changed:
            connection.execute(_TELL)
    return is_changed
