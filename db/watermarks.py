"""Up to which moment all that lay on an event queue is known to have been committed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from db.engine import statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine

_ADVANCE = text("""
INSERT INTO consumer_watermarks AS w (queue, drained_until) VALUES (:queue, :until)
ON CONFLICT (queue) DO UPDATE
SET drained_until = GREATEST(w.drained_until, excluded.drained_until)
""").bindparams(bindparam("until", type_=DateTime(timezone=True)))

_READ = text("SELECT drained_until FROM consumer_watermarks WHERE queue = :queue")

_AGES = text("""
SELECT queue, EXTRACT(epoch FROM clock_timestamp() - drained_until)::float AS seconds
FROM consumer_watermarks WHERE queue = ANY(:queues)
""").bindparams(bindparam("queues", type_=ARRAY(Text())))


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


def ages_seconds(engine: Engine, queues: Sequence[str]) -> dict[str, float]:
    """How long ago the moment was up to which each is drained; without end where it never was."""
    with engine.begin() as connection:
        found = connection.execute(_AGES, {"queues": list(queues)})
        return dict.fromkeys(queues, math.inf) | {row.queue: row.seconds for row in found}
