"""Duties of the scheduler: any number of schedulers run, each duty is done by one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
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
RETURNING d.name
""")

_END = text("UPDATE scheduler_duties SET lease_until = now() WHERE name = :name")


def begin(engine: Engine, name: str, *, interval_seconds: float, lease_seconds: float) -> bool:
    """Take the duty if it is nobody's now and was last begun at least an interval ago."""
    terms = {"name": name, "interval_seconds": interval_seconds, "lease_seconds": lease_seconds}
    with engine.begin() as connection:
        return connection.execute(_BEGIN, terms).one_or_none() is not None


def end(engine: Engine, name: str) -> None:
    """The duty is done for this time."""
    with engine.begin() as connection:
        connection.execute(_END, {"name": name})
