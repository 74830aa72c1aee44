"""Duties of the scheduler: any number of schedulers run, each duty is done by one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

# The advisory lock makes "look and take" one step and lets losers go at once. What outlives the
# transaction is the lease: a connection is never held across the duty's calls to AWS.
_BEGIN = text("""
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('mailsluice.duty.' || :name, 0)) AS won
)
INSERT INTO scheduler_duties AS d (name, begun_at, lease_until)
SELECT :name, now(), now() + make_interval(secs => :lease_seconds) FROM locked WHERE won
ON CONFLICT (name) DO UPDATE SET begun_at = excluded.begun_at, lease_until = excluded.lease_until
WHERE d.lease_until <= now()
    AND d.begun_at <= now() - make_interval(secs => :interval_seconds)
RETURNING d.begun_at
""")

# `begun_at` is the fencing mark: only the holder of this very turn changes its lease.
_RENEW = text("""
UPDATE scheduler_duties SET lease_until = now() + make_interval(secs => :lease_seconds)
WHERE name = :name AND begun_at = :begun_at RETURNING name
""")

_END = text("""
UPDATE scheduler_duties SET lease_until = now() WHERE name = :name AND begun_at = :begun_at
""")


def begin(
    engine: Engine, name: str, *, interval_seconds: float, lease_seconds: float
) -> datetime | None:
    """Take the duty if it is nobody's now and was last begun at least an interval ago.

    Answers when it was begun, which `renew` and `end` ask for; None if it is not ours.
    """
    terms = {"name": name, "interval_seconds": interval_seconds, "lease_seconds": lease_seconds}
    with engine.begin() as connection:
        row = connection.execute(_BEGIN, terms).one_or_none()
    return None if row is None else row.begun_at


def renew(engine: Engine, name: str, begun_at: datetime, *, lease_seconds: float) -> bool:
    """The duty goes on, for so long from now. False if another has begun it meanwhile."""
    terms = {"name": name, "begun_at": begun_at, "lease_seconds": lease_seconds}
    with engine.begin() as connection:
        return connection.execute(_RENEW, terms).one_or_none() is not None


def end(engine: Engine, name: str, begun_at: datetime) -> None:
    """The duty is done for this time. Changes nothing once another has begun it."""
    with engine.begin() as connection:
        connection.execute(_END, {"name": name, "begun_at": begun_at})
