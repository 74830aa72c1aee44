"""Where our list and SES's own differ, as of the last reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db import ses_readings
from db.address_revealing import reveal
from db.ses_list import EVIDENCE_HERE, HELD_HERE
from db.ses_readings import COMMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Engine

    from db.ses_readings import Position

# So many entries of our list are looked at in one transaction.
SWEEP = 1000

TO_TAKE = "to_take"
TO_DELETE = "to_delete"
TO_PUT = "to_put"
REMOVED_THERE = "removed_there"
ONLY_THERE = "only_there"
UNSEEN = "unseen"
UNFIT = "unfit"
STUCK = "stuck"

_OLD_ENTRY = """
EXISTS (SELECT FROM email_suppressions AS s WHERE s.address = m.address
    AND s.created_at <= m.changed_at AND s.reason IN ('account_list', 'bounce', 'complaint')
    AND (s.expires_at IS NULL OR s.expires_at > now()))
"""
_KINDS: Mapping[str, str] = {
    TO_TAKE: "m.state = 'new'",
    TO_DELETE: f"m.state = 'doomed' AND NOT {EVIDENCE_HERE}",
    REMOVED_THERE: f"m.state = 'gone' AND {_OLD_ENTRY}",
    ONLY_THERE: f"m.state = 'listed' AND NOT {HELD_HERE}",
    UNSEEN: "m.state = 'unseen'",
    UNFIT: "m.state = 'unfit'",
    STUCK: "m.state = 'stuck'",
}
KINDS = (*_KINDS, TO_PUT)

# SES puts there itself what bounces or complains. What came after the reading began may be there.
_LACKING = text("""
WITH page AS (
    SELECT address, reason, created_at, expires_at FROM email_suppressions
    WHERE scope = '*' AND address > :after ORDER BY address LIMIT :page
), lacking AS (
    SELECT address, reason, created_at FROM page AS s
    WHERE reason IN ('bounce', 'complaint') AND expires_at IS NULL
        AND address NOT LIKE '%@simulator.amazonses.com'
        AND created_at < CAST(:begun_at AS timestamptz) - make_interval(secs => :commit_seconds)
        AND NOT EXISTS (
            SELECT FROM ses_suppressions AS m
            WHERE m.region = :region AND m.address = s.address
                AND (m.state NOT IN ('gone', 'deleted')
                    OR (m.state = 'gone' AND m.changed_at >= s.created_at))
        )
    ORDER BY address LIMIT :most
)
SELECT address, reason, created_at FROM lacking
UNION ALL
SELECT max(address), NULL, NULL FROM page
""")


@dataclass(frozen=True)
class Difference:
    """One address about which the lists differ."""

    address: str
    kind: str
    reason: str
    since: datetime | None


def counts(engine: Engine, region: str) -> dict[str, int]:
    """How many addresses there are of each kind of difference."""
    columns = ", ".join(
        f"count(*) FILTER (WHERE {condition}) AS {kind}" for kind, condition in _KINDS.items()
    )
    statement = text(f"SELECT {columns} FROM ses_suppressions AS m WHERE region = :region")  # noqa: S608  constants
    with engine.begin() as connection:
        found = dict(connection.execute(statement, {"region": region}).one()._mapping)  # noqa: SLF001  public in spite of its name
    return {**found, TO_PUT: sum(1 for _ in lacking(engine, region))}


def gone(engine: Engine, region: str) -> int:
    """How many of ours somebody took off SES's list."""
    statement = text(f"""
    SELECT count(*) FROM ses_suppressions AS m
    WHERE region = :region AND {_KINDS[REMOVED_THERE]}
    """)  # noqa: S608  constants
    with engine.begin() as connection:
        return int(connection.execute(statement, {"region": region}).scalar_one())


def differences(engine: Engine, region: str, kind: str, *, most: int) -> list[Difference]:
    """The first addresses of a kind. Raises KeyError: there is no such kind."""
    if kind == TO_PUT:
        found = lacking(engine, region)
        return [each for each, _ in zip(found, range(most), strict=False)]
    statement = text(f"""
    SELECT address, '{kind}', reason, coalesce(listed_at, changed_at) FROM ses_suppressions AS m
    WHERE region = :region AND {_KINDS[kind]} ORDER BY spelling LIMIT :most
    """)  # noqa: S608  constants
    with engine.begin() as connection:
        rows = connection.execute(statement, {"region": region, "most": most})
        return reveal(connection, [Difference(*row) for row in rows])


def lacking(engine: Engine, region: str) -> Iterator[Difference]:
    """All of ours that SES lacks, as of the last reading."""
    at, after = ses_readings.position(engine, region), ""
    while True:
        found, last = page_of_lacking(engine, at, after, most=SWEEP)
        yield from found
        if last is None:
            return
        after = last


def page_of_lacking(
    engine: Engine, at: Position, after: str, *, most: int
) -> tuple[list[Difference], str | None]:
    """Of the next entries of ours those that SES lacks, and the last entry; None at the end."""
    terms = {
        "region": at.region,
        "after": after,
        "begun_at": at.begun_at,
        "commit_seconds": COMMIT_SECONDS,
        "page": SWEEP,
        "most": most,
    }
    with engine.begin() as connection:
        rows = connection.execute(_LACKING, terms).all()
        lacking = [
            Difference(row.address, TO_PUT, row.reason, row.created_at)
            for row in rows
            if row.reason
        ]
        found = reveal(connection, lacking)
    return found, next(row.address for row in rows if row.reason is None)
