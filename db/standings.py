"""What was made of the rates: the levels that were told, and what an operator has opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from config.reputation import Level
from db.gates import CHANNEL, IS_SHUT, REPUTATION
from db.sent_counts import BUCKET_SECONDS, bucket_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

_LEVELS = text("SELECT scope, kind, level FROM reputation_standings")

_SAVE = text("""
INSERT INTO reputation_standings AS s (scope, kind, level) VALUES (:scope, :kind, :level)
ON CONFLICT (scope, kind) DO UPDATE SET level = excluded.level, since = now()
WHERE s.level <> excluded.level
RETURNING scope
""")

_HELD = text("SELECT scope FROM reputation_resumes WHERE held_until > now()")

# Five minutes are counted as one: the first that count are those after the resume.
_RESUME = text(f"""
WITH opened AS (
    DELETE FROM gates AS g WHERE scope = :scope AND reason = '{REPUTATION}' AND {IS_SHUT}
    RETURNING scope
)
INSERT INTO reputation_resumes AS r (scope, held_until, counts_from)
SELECT scope, now() + make_interval(secs => :seconds),
    {bucket_of("now()")} + interval '{BUCKET_SECONDS} seconds'
FROM opened
ON CONFLICT (scope) DO UPDATE SET
    held_until = excluded.held_until, counts_from = excluded.counts_from
RETURNING scope
""")  # noqa: S608  constants

_TELL = text(f"SELECT pg_notify('{CHANNEL}', '')")


def levels(engine: Engine) -> dict[tuple[str, str], Level]:
    """The levels that were told last, by scope and kind."""
    with engine.begin() as connection:
        return {(row.scope, row.kind): Level(row.level) for row in connection.execute(_LEVELS)}


def save(engine: Engine, changed: Mapping[tuple[str, str], Level]) -> None:
    """Remember new levels."""
    with engine.begin() as connection:
        for (scope, kind), level in changed.items():
            connection.execute(_SAVE, {"scope": scope, "kind": kind, "level": int(level)})


def resume(engine: Engine, scope: str, *, hold_seconds: float) -> bool:
    """Open what the rates have shut. Answers whether they had.

    For `hold_seconds` they do not shut it again, and afterwards only mail that is sent from now on
    (from the next whole five minutes) can make them.
    """
    with engine.begin() as connection:
        terms = {"scope": scope, "seconds": hold_seconds}
        was_shut = connection.execute(_RESUME, terms).first() is not None
        if was_shut:
            connection.execute(_TELL)
    return was_shut


def held(engine: Engine) -> set[str]:
    """The scopes that an operator has opened, and that the rates may not shut yet."""
    with engine.begin() as connection:
        return {row.scope for row in connection.execute(_HELD)}
