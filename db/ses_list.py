"""What SES's own suppression list holds, as last seen, and what is to be done about each entry.

The states of an entry:

- `new`: seen there, and not yet taken over into our list;
- `listed`: there, and taken over, or put there by us;
- `doomed`: an operator removed it here, so it is to be deleted there; `deleted`: that is done;
- `unseen`: missing in a full reading, and SES is to be asked about it; `gone`: it said no;
- `unfit`: SES does not take it; `stuck`: it is there, but SES does not take it for an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from db.address_keys import keys_of
from db.address_naming import known_name, named
from db.address_revealing import reveal
from db.addresses import normalise
from db.ses_readings import turn_page

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from db.address_naming import Names
    from db.ses_readings import Position


@dataclass(frozen=True)
class Listing:
    """An entry of SES's list. `spelling` and `listed_at` are SES's own."""

    spelling: str
    reason: str
    listed_at: datetime | None = None


AT_ONCE = 1000

# The entries of ours that say the same as SES's: not those that pass, nor one stream's own.
SAYS_THE_SAME = """
((s.scope = '*' AND s.reason <> 'soft_bounce') OR s.reason = 'complaint')
AND (s.expires_at IS NULL OR s.expires_at > now())
"""
HELD_HERE = f"""
EXISTS (SELECT FROM email_suppressions AS s WHERE s.address = m.address AND {SAYS_THE_SAME})
"""

# What SES bounced because of its list is no evidence against whom an operator lets back.
EVIDENCE_HERE = f"""
EXISTS (SELECT FROM email_suppressions AS s WHERE s.address = m.address
    AND s.reason <> 'account_list' AND {SAYS_THE_SAME})
"""

_NEWER = "coalesce(excluded.listed_at > coalesce(m.listed_at, '{}'), false)"
# A page may be older than what we did since: only SES's own time tells a new entry from that.
_STATE = f"""CASE
    WHEN m.state IN ('new', 'doomed', 'stuck') THEN m.state
    WHEN m.state = 'deleted' AND NOT {_NEWER.format("-infinity")} THEN 'doomed'
    WHEN m.state = 'gone' AND NOT {_NEWER.format("-infinity")} THEN 'unseen'
    WHEN m.state IN ('listed', 'unseen') AND m.reason = excluded.reason
        AND NOT {_NEWER.format("infinity")} THEN 'listed'
    ELSE 'new' END"""

_KEEP = text(f"""
INSERT INTO ses_suppressions AS m (region, spelling, address, reason, listed_at, state, seen_in)
SELECT :region, seen.*, 'new', :number
FROM unnest(:spelling, :address, :reason, :listed_at) AS seen
ON CONFLICT (region, spelling) DO UPDATE SET reason = excluded.reason,
    listed_at = excluded.listed_at, seen_in = excluded.seen_in, state = {_STATE},
    changed_at = CASE WHEN m.state = {_STATE} THEN m.changed_at ELSE now() END
""").bindparams(  # noqa: S608  constants
    *(bindparam(name, type_=ARRAY(Text())) for name in ("spelling", "address", "reason")),
    bindparam("listed_at", type_=ARRAY(DateTime(timezone=True))),
)

# In batches: all of a long list may be gone.
_MISS = text("""
UPDATE ses_suppressions SET state = 'unseen', changed_at = now()
WHERE region = :region AND spelling IN (
    SELECT spelling FROM ses_suppressions
    WHERE region = :region AND seen_in < :number AND state IN ('listed', 'new') LIMIT :most
)
""")

# Long after the last page that could still show them.
_FORGET = text("""
DELETE FROM ses_suppressions
WHERE region = :region AND state = 'deleted' AND changed_at < now() - interval '30 days'
""")

_NEXT = text("""
SELECT spelling, reason, listed_at FROM ses_suppressions
WHERE region = :region AND state = :state ORDER BY spelling LIMIT 1
""")

_MARK = text("""
UPDATE ses_suppressions SET state = :state, changed_at = now()
WHERE region = :region AND spelling = :spelling
""")

_PUT = text("""
INSERT INTO ses_suppressions AS m (region, spelling, address, reason, state, seen_in)
VALUES (:region, :address, :address, :reason, :state, :number)
ON CONFLICT (region, spelling) DO UPDATE SET reason = excluded.reason, state = excluded.state,
    seen_in = excluded.seen_in, listed_at = NULL, changed_at = now()
""")

_REPRIEVE = text(f"""
UPDATE ses_suppressions AS m SET state = 'listed', changed_at = now()
WHERE region = :region AND state IN ('doomed', 'stuck') AND {EVIDENCE_HERE}
""")  # noqa: S608  constants

# Before the suppression list, as whoever renames addresses in both.
_LOCK = text("LOCK TABLE ses_suppressions IN ROW EXCLUSIVE MODE")

_COUNT = text(
    "SELECT state, count(*) AS entries FROM ses_suppressions WHERE region = :region GROUP BY state"
)


def keep_page(
    engine: Engine, at: Position, listings: Sequence[Listing], next_token: str | None
) -> None:
    """Keep a page of SES's list, and that it was read, in one transaction.

    Raises:
        MovedOnError: another process has read this page.
    """
    times = [each.listed_at for each in listings if each.listed_at is not None]
    with engine.begin() as connection:
        turn_page(connection, at, next_token, max(times, default=None))
        keep(connection, at, listings)


def keep(connection: Connection, at: Position, listings: Sequence[Listing]) -> None:
    """Write down what SES shows at this moment."""
    # PostgreSQL has no text with a NUL in it, and no address has one.
    found = {each.spelling: each for each in listings if "\x00" not in each.spelling}
    names = _names(connection, found)
    seen = [found[spelling] for spelling in sorted(found, key=names.of)]
    terms = {
        "region": at.region,
        "number": at.number,
        "spelling": [names.of(each.spelling) for each in seen],
        "address": [names.of(normalise(each.spelling)) for each in seen],
        "reason": [each.reason for each in seen],
        "listed_at": [each.listed_at for each in seen],
    }
    connection.execute(_KEEP, terms)


def _names(connection: Connection, spellings: Collection[str]) -> Names:
    """Of addresses in SES's spelling, and in ours."""
    if keys_of(connection).keys:
        connection.execute(_LOCK)
    return named(connection, {*spellings, *map(normalise, spellings)})


def was_asked(engine: Engine, at: Position, spelling: str, answer: Listing | None) -> None:
    """SES was asked about an entry that a full reading did not show, and lists it or not."""
    with engine.begin() as connection:
        if answer is not None:
            keep(connection, at, [answer])
        # SES may answer in another spelling, so the question is settled in any case.
        if answer is None or answer.spelling != spelling:
            _mark(connection, at.region, spelling, "gone")


def miss(engine: Engine, at: Position) -> bool:
    """After a full reading, mark a batch of what it did not show; False when all is marked."""
    if not at.is_full:
        return False
    terms = {"region": at.region, "number": at.number, "most": AT_ONCE}
    with engine.begin() as connection:
        is_done = connection.execute(_MISS, terms).rowcount < AT_ONCE
        if is_done:
            connection.execute(_FORGET, terms)
        return not is_done


def next_in(engine: Engine, region: str, state: str) -> Listing | None:
    """One entry in this state, if there is any."""
    with engine.begin() as connection:
        return _next(connection, region, state)


def next_doomed(engine: Engine, region: str) -> Listing | None:
    """An entry to delete at SES. What was put on our list again meanwhile stays there."""
    with engine.begin() as connection:
        connection.execute(_REPRIEVE, {"region": region})
        return _next(connection, region, "doomed")


def _next(connection: Connection, region: str, state: str) -> Listing | None:
    rows = connection.execute(_NEXT, {"region": region, "state": state})
    return next(iter(reveal(connection, [Listing(*row) for row in rows], "spelling")), None)


def mark(engine: Engine, region: str, spelling: str, state: str) -> None:
    """An entry has come to this state."""
    with engine.begin() as connection:
        _mark(connection, region, spelling, state)


def _mark(connection: Connection, region: str, spelling: str, state: str) -> None:
    name = known_name(connection, spelling)
    connection.execute(_MARK, {"region": region, "spelling": name, "state": state})


def was_put(engine: Engine, at: Position, listing: Listing, state: str) -> None:
    """One of ours was put there, `listed`, or was refused, `unfit`."""
    terms = {"region": at.region, "number": at.number, "state": state}
    with engine.begin() as connection:
        names = _names(connection, [listing.spelling])
        terms |= {"address": names.of(listing.spelling), "reason": listing.reason}
        connection.execute(_PUT, terms)


def count(engine: Engine, region: str) -> dict[str, int]:
    """How many entries are in each state; nought is left out."""
    with engine.begin() as connection:
        return {row.state: row.entries for row in connection.execute(_COUNT, {"region": region})}
