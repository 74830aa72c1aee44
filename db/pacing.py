"""The pacer: one schedule for all processes of an account and region.

A virtual schedule (GCRA): the row says when the next token is free, and a reservation moves that
moment on. The answer is a duration, so the clocks of the workers' hosts do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Reserved:
    """Tokens that are ours in `wait_seconds` (0 or more)."""

    wait_seconds: float


@dataclass(frozen=True)
class Full:
    """The schedule is taken as far ahead as may be reserved; there is room in `wait_seconds`."""

    wait_seconds: float


@dataclass(frozen=True)
class NoRate:
    """Nobody has read the account's rate yet: the scheduler polls it."""


_ENSURE = text("INSERT INTO pacers (region) VALUES (:region) ON CONFLICT DO NOTHING")

# Losing the last moments of the schedule in a crash of the database costs nothing, so the commit
# does not wait for the disk. clock_timestamp() because now() is older than a wait for the row.
_RESERVE = text("""
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
account AS (
    SELECT LEAST(max_send_rate, :most_per_second) * :utilisation AS rate
    FROM ses_accounts WHERE region = :region AND max_send_rate > 0
)
UPDATE pacers SET next_free_at = GREATEST(next_free_at, clock_timestamp())
    + make_interval(secs => :tokens / rate)
FROM quick, account
WHERE region = :region
    AND next_free_at <= clock_timestamp() + make_interval(secs => :ahead_seconds)
RETURNING EXTRACT(epoch FROM next_free_at - clock_timestamp())::float - :tokens / rate AS wait
""")

_ROOM = text("""
SELECT EXTRACT(epoch FROM next_free_at - clock_timestamp())::float - :ahead_seconds AS wait,
    EXISTS (SELECT FROM ses_accounts WHERE region = :region AND max_send_rate > 0) AS known
FROM pacers WHERE region = :region
""")

_DELAY = text("""
UPDATE pacers SET next_free_at =
    GREATEST(next_free_at, clock_timestamp() + make_interval(secs => :seconds))
WHERE region = :region
""")


def ensure(engine: Engine, region: str) -> None:
    """Make sure that the region has a schedule."""
    with engine.begin() as connection:
        connection.execute(_ENSURE, {"region": region})


def reserve(
    engine: Engine,
    region: str,
    *,
    tokens: int,
    ahead_seconds: float,
    utilisation: float,
    most_per_second: float | None = None,
) -> Reserved | Full | NoRate:
    """Reserve tokens, one a recipient, no further ahead than `ahead_seconds`.

    The rate is the account's newest `MaxSendRate` times `utilisation`, at most `most_per_second`.
    """
    terms = {
        "region": region,
        "tokens": float(tokens),
        "ahead_seconds": ahead_seconds,
        "utilisation": utilisation,
        "most_per_second": most_per_second,
    }
    with engine.begin() as connection:
        wait = connection.scalar(_RESERVE, terms)
        if wait is not None:
            return Reserved(max(0.0, wait))
        room = connection.execute(_ROOM, terms).one_or_none()
    if room is None or not room.known:
        return NoRate()
    return Full(max(0.0, room.wait))


def delay(engine: Engine, region: str, *, seconds: float) -> None:
    """Nobody sends for so long: SES has just refused a send for its rate."""
    with engine.begin() as connection:
        connection.execute(_DELAY, {"region": region, "seconds": seconds})
