"""Up to which moment all that lay on an event queue is known to have been committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.types import DateTime

from db.engine import statements

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

_ADVANCE = text("""
INSERT INTO consumer_watermarks AS w (queue, drained_until) VALUES (:queue, :until)
ON CONFLICT (queue) DO UPDATE
SET drained_until = GREATEST(w.drained_until, excluded.drained_until)
""").bindparams(bindparam("until", type_=DateTime(timezone=True)))

_READ = text("SELECT drained_until FROM consumer_watermarks WHERE queue = :queue")


def moment(engine: Engine) -> datetime:
    """This moment, by the one clock that counts."""
    with statements(engine) as connection:
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def advance(engine: Engine, queue: str, until: datetime) -> None:
    """All that lay on the queue at that `moment` has been committed. Never steps back."""
    with statements(engine) as connection:
        connection.execute(_ADVANCE, {"queue": queue, "until": until})


def drained_until(engine: Engine, queue: str) -> datetime | None:
    """Up to which moment the queue is known to be drained."""
    with engine.begin() as connection:
        found: datetime | None = connection.scalar(_READ, {"queue": queue})
    return found
