"""Gates: while one is shut, no mail of its scope is taken out of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

EVERYTHING = "*"


@dataclass(frozen=True)
class ShutGate:
    """A gate that is shut, why, and for how many seconds more."""

    scope: str
    reason: str
    seconds: float


_SHUT = text("""
INSERT INTO gates (scope, reason, shut_until)
VALUES (:scope, :reason, now() + make_interval(secs => :seconds))
ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason,
    shut_at = CASE WHEN gates.shut_until > now() THEN gates.shut_at ELSE now() END,
    shut_until = GREATEST(gates.shut_until, excluded.shut_until)
""")

_ALL = text("""
SELECT scope, reason, EXTRACT(epoch FROM shut_until - now())::float AS seconds
FROM gates WHERE shut_until > now() ORDER BY scope
""")


def shut(engine: Engine, scope: str, *, reason: str, seconds: float) -> None:
    """Shut the gate of a stream, or of `*`, for at least so long. It opens by itself."""
    with engine.begin() as connection:
        connection.execute(_SHUT, {"scope": scope, "reason": reason, "seconds": seconds})


def all_shut(engine: Engine) -> list[ShutGate]:
    """Every gate that is shut at this moment."""
    with engine.begin() as connection:
        return [ShutGate(row.scope, row.reason, row.seconds) for row in connection.execute(_ALL)]
