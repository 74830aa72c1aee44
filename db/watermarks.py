"""Up to which moment an event queue is known to have been empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

# The consumer says how long ago, by its monotonic clock; the moment itself is the database's.
_ADVANCE = text("""
INSERT INTO consumer_watermarks AS w (queue, drained_until)
VALUES (:queue, now() - make_interval(secs => :seconds_ago))
ON CONFLICT (queue) DO UPDATE
SET drained_until = GREATEST(w.drained_until, excluded.drained_until)
""")

_READ = text("SELECT drained_until FROM consumer_watermarks WHERE queue = :queue")


def advance(engine: Engine, queue: str, *, seconds_ago: float) -> None:
    """The queue was found empty by a receive that began so long ago. Never steps back."""
    with engine.begin() as connection:
        connection.execute(_ADVANCE, {"queue": queue, "seconds_ago": seconds_ago})


def drained_until(engine: Engine, queue: str) -> datetime | None:
    """The last moment at which the queue was known to be empty."""
    with engine.begin() as connection:
        found: datetime | None = connection.scalar(_READ, {"queue": queue})
    return found
