"""Gates: while one is shut, no mail of its scope is taken out of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

EVERYTHING = "*"
OPERATOR = "operator"

# Reasons that SES's own account data decides about, whoever shut the gate for them.
ACCOUNT_PAUSED = "account_paused"
QUOTA = "quota"


@dataclass(frozen=True)
class ShutGate:
    """A gate that is shut, why, and for how many seconds more; None: until somebody opens it."""

    scope: str
    reason: str
    seconds: float | None


_SHUT = text("""
INSERT INTO gates AS g (scope, reason, shut_until)
VALUES (:scope, :reason, now() + make_interval(secs => :seconds))
ON CONFLICT (scope, reason) DO UPDATE SET
    shut_at = CASE WHEN g.shut_until <= now() THEN now() ELSE g.shut_at END,
    shut_until = CASE WHEN g.shut_until IS NULL THEN NULL
        ELSE GREATEST(g.shut_until, excluded.shut_until) END
""")

_SHUT_UNTIL_OPENED = text("""
INSERT INTO gates AS g (scope, reason, shut_until) VALUES (:scope, :reason, NULL)
ON CONFLICT (scope, reason) DO UPDATE SET shut_until = NULL
""")

_OPEN = text("""
DELETE FROM gates
WHERE scope = :scope AND reason = :reason AND (shut_until IS NULL OR shut_until > now())
RETURNING scope
""")

_ALL = text("""
SELECT scope, reason, EXTRACT(epoch FROM shut_until - now())::float AS seconds
FROM gates WHERE shut_until IS NULL OR shut_until > now() ORDER BY scope, reason
""")


def shut(engine: Engine, scope: str, *, reason: str, seconds: float | None) -> None:
    """Shut the gate of a stream, or of `*`, for at least so long; None: until it is opened."""
    statement = _SHUT_UNTIL_OPENED if seconds is None else _SHUT
    with engine.begin() as connection:
        connection.execute(statement, {"scope": scope, "reason": reason, "seconds": seconds})


def open_again(engine: Engine, scope: str, *, reason: str) -> bool:
    """Take one reason away; answers whether it had kept the gate shut."""
    with engine.begin() as connection:
        terms = {"scope": scope, "reason": reason}
        return connection.execute(_OPEN, terms).one_or_none() is not None


def all_shut(engine: Engine) -> list[ShutGate]:
    """Every gate that is shut at this moment."""
    with engine.begin() as connection:
        return [ShutGate(row.scope, row.reason, row.seconds) for row in connection.execute(_ALL)]
