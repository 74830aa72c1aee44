"""How far the step with SES's own list has come: begun, read, taken over, put, done.

All of it is in the database, so that whoever goes on after a kill begins where the last one was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.types import Text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

IDLE = "idle"
READING = "reading"
TAKING = "taking"
PUTTING = "putting"

# Part of a reading's overlap with the one before: SES may show an entry late, and its API does not
# say whether StartDate means the moment or its day.
OVERLAP_SECONDS = 86_400.0
# A removal is done in this time from its beginning until everybody sees it.
COMMIT_SECONDS = 60.0


class MovedOnError(Exception):
    """Another process has gone on with the reading: what this one holds is old."""


@dataclass(frozen=True)
class Position:
    """Where a region's step stands. Times are the database's, `since` and `newest` SES's."""

    region: str
    number: int
    phase: str
    is_full: bool
    since: datetime | None
    token: str | None
    begun_at: datetime | None
    full_begun_at: datetime | None
    done_at: datetime | None
    newest: datetime | None
    settled_until: datetime
    swept_to: str


_GET = text("""
SELECT region, number, phase, is_full, since, token, begun_at, full_begun_at, done_at, newest,
    settled_until, swept_to
FROM ses_suppression_readings WHERE region = :region
""")

_MAKE = text("""
INSERT INTO ses_suppression_readings (region) VALUES (:region) ON CONFLICT DO NOTHING
""")

_BEGIN = text("""
UPDATE ses_suppression_readings AS p SET number = number + 1, phase = 'reading', token = NULL,
    begun_at = now(), is_full = plan.is_full, swept_to = '',
    since = CASE WHEN plan.is_full THEN NULL
        ELSE newest - make_interval(secs => :overlap_seconds) END
FROM (
    SELECT :full OR newest IS NULL OR full_begun_at IS NULL
        OR full_begun_at <= now() - make_interval(secs => :full_seconds) AS is_full
    FROM ses_suppression_readings WHERE region = :region
) AS plan
WHERE region = :region AND number = :number
RETURNING number
""")

_STEP = """
UPDATE ses_suppression_readings SET {}
WHERE region = :region AND number = :number AND phase = '{}' RETURNING number
"""

_TURN_PAGE = text("""
UPDATE ses_suppression_readings SET token = :next_token, newest = greatest(newest, :newest),
    phase = CASE WHEN :next_token IS NULL THEN 'taking' ELSE phase END
WHERE region = :region AND number = :number AND phase = 'reading'
    AND token IS NOT DISTINCT FROM :token
RETURNING number
""").bindparams(bindparam("token", type_=Text()), bindparam("next_token", type_=Text()))

_SETTLE = text(
    _STEP.format(
        "phase = 'putting', settled_until = begun_at - make_interval(secs => :commit_seconds), "
        "full_begun_at = CASE WHEN is_full THEN begun_at ELSE full_begun_at END",
        TAKING,
    )
)
_SWEEP = text(_STEP.format("swept_to = :swept_to", PUTTING))
_DONE = text(_STEP.format("phase = 'idle', done_at = now()", PUTTING))


def position(engine: Engine, region: str) -> Position:
    """Where the region's step stands; a region that was never read stands at its beginning."""
    with engine.begin() as connection:
        terms = {"region": region}
        row = connection.execute(_GET, terms).one_or_none()
        if row is None:
            connection.execute(_MAKE, terms)
            row = connection.execute(_GET, terms).one()
    return Position(**row._mapping)  # noqa: SLF001  public in spite of its name


def begin(engine: Engine, at: Position, *, full: bool, full_seconds: float) -> None:
    """Begin to read SES's list: all of it if asked, or if that was so many seconds ago.

    Otherwise what SES listed since the newest entry that was seen, and somewhat before.

    Raises:
        MovedOnError: another process has begun.
    """
    terms = {"full": full, "full_seconds": full_seconds, "overlap_seconds": OVERLAP_SECONDS}
    with engine.begin() as connection:
        _step(connection, _BEGIN, at, **terms)


def turn_page(
    connection: Connection, at: Position, next_token: str | None, newest: datetime | None
) -> None:
    """The page at `at` was read, in the transaction that keeps it. Without a token it was the last.

    Raises:
        MovedOnError: another process has read it.
    """
    terms = {"token": at.token, "next_token": next_token, "newest": newest}
    _step(connection, _TURN_PAGE, at, **terms)


def settle(connection: Connection, at: Position) -> None:
    """Everything that was seen is taken over: removals from before the reading are done with."""
    _step(connection, _SETTLE, at, commit_seconds=COMMIT_SECONDS)


def sweep(engine: Engine, at: Position, swept_to: str) -> None:
    """Our list is looked through up to this address."""
    with engine.begin() as connection:
        _step(connection, _SWEEP, at, swept_to=swept_to)


def done(engine: Engine, at: Position) -> None:
    """Both lists were in step."""
    with engine.begin() as connection:
        _step(connection, _DONE, at)


def _step(connection: Connection, statement: Any, at: Position, **terms: object) -> None:  # noqa: ANN401  a TextClause
    terms = {"region": at.region, "number": at.number, **terms}
    if connection.execute(statement, terms).one_or_none() is None:
        raise MovedOnError
