"""Takes over into our list what SES's own holds, and follows what was removed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db import ses_readings
from db.ses_list import Listing
from db.ses_removals import Removals, doom
from db.suppression_changes import Change, write
from db.suppressions import EVERYWHERE, Suppression, add_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from config.suppression import SuppressionPolicy
    from db.ses_readings import Position

SOURCE = "ses-account-list"
AT_ONCE = 1000
# Whoever removes a thousand addresses a second does not do so for ever.
TRIES = 5

# Of a reason that is not known yet we know only that SES keeps the address.
_REASONS = {"BOUNCE": "bounce", "COMPLAINT": "complaint"}

_TAKE = text("""
SELECT spelling, reason, listed_at, address FROM ses_suppressions
WHERE region = :region AND state = 'new' ORDER BY spelling LIMIT :most FOR UPDATE
""")

# In the order in which `add_in` writes them, so that nobody deadlocks.
_LOCK = text("""
SELECT FROM email_suppressions WHERE address = ANY(:addresses) ORDER BY address, scope FOR UPDATE
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))

_STILL_NEW = text("""
SELECT spelling FROM ses_suppressions
WHERE region = :region AND state = 'new' AND spelling = ANY(:spellings)
""").bindparams(bindparam("spellings", type_=ARRAY(Text())))

_TAKEN = text("""
UPDATE ses_suppressions SET state = 'listed', changed_at = now()
WHERE region = :region AND spelling = ANY(:spellings)
""").bindparams(bindparam("spellings", type_=ARRAY(Text())))

_FOLLOW = text("""
DELETE FROM email_suppressions AS s USING ses_suppressions AS m
WHERE m.region = :region AND m.state = 'gone' AND m.address = s.address
    AND s.created_at <= m.changed_at AND s.reason IN ('account_list', 'bounce', 'complaint')
    AND (s.scope = '*' OR s.source = :source)
    AND NOT EXISTS (
        SELECT FROM ses_suppressions AS o WHERE o.region = m.region AND o.address = m.address
            AND o.state NOT IN ('gone', 'deleted')
    )
RETURNING s.address, s.scope
""")

_LIFT = text("""
DELETE FROM email_suppressions AS s USING ses_suppressions AS m
WHERE m.region = :region AND m.state = 'deleted' AND m.address = s.address
    AND s.reason = 'account_list'
RETURNING s.address, s.scope
""")


class _RemovedMeanwhileError(Exception):
    """An operator removed an address while it was being added."""


def take_over(engine: Engine, at: Position, policy: SuppressionPolicy) -> tuple[int, int]:
    """Take a batch into our list; answers how many were taken, and how many entries changed.

    Nothing comes back that an operator removed and SES was not told of yet, also if that happens
    at this very moment: it is marked to be deleted there. When nothing is left to take, the
    reading is settled, and 0.

    Raises:
        MovedOnError: another process has settled it.
    """
    for _ in range(TRIES):
        try:
            with engine.begin() as connection:
                return _take(connection, at, policy)
        except _RemovedMeanwhileError:
            continue
    raise TimeoutError("addresses are removed faster than they can be taken over")


def _take(connection: Connection, at: Position, policy: SuppressionPolicy) -> tuple[int, int]:
    rows = connection.execute(_TAKE, {"region": at.region, "most": AT_ONCE}).all()
    addresses = {row.spelling: row.address for row in rows}
    connection.execute(_LOCK, {"addresses": sorted(set(addresses.values()))})
    before = Removals(connection, list(addresses.values()), at.settled_until)
    doom(connection, at.region, at.settled_until)
    if not rows:
        ses_readings.settle(connection, at)
        return 0, 0
    terms = {"region": at.region, "spellings": list(addresses)}
    left = set(connection.execute(_STILL_NEW, terms).scalars())
    now = connection.execute(text("SELECT now()")).scalar_one()
    wanted = [
        entry
        for row in rows
        if row.spelling in left
        for entry in entries_of(row.address, Listing(*row[:3]), policy, now)
        if not before.hold((entry.address, entry.scope))
    ]
    changed = add_in(connection, wanted)
    # What is on our list now is locked; but between the look and the lock somebody may have been.
    if not before.same_as(Removals(connection, list(addresses.values()), at.settled_until)):
        raise _RemovedMeanwhileError
    connection.execute(_TAKEN, {"region": at.region, "spellings": sorted(left)})
    return len(rows), len(changed)


def entries_of(
    address: str, listing: Listing, policy: SuppressionPolicy, now: datetime
) -> list[Suppression]:
    """What a listing puts on our list, by the policy for such an event; nothing if that is over."""
    reason = _REASONS.get(listing.reason, "account_list")
    lasts = {"bounce": policy.bounce_lasts, "complaint": policy.complaint_lasts}.get(reason)
    expires_at = None if lasts is None else (listing.listed_at or now) + lasts
    if expires_at is not None and expires_at <= now:
        return []
    streams = policy.complaint_streams if reason == "complaint" else None
    return [
        Suppression(
            address=address,
            reason=reason,
            source=SOURCE,
            scope=scope,
            note=f"{listing.reason} on SES's list for the account",
            expires_at=expires_at,
        )
        for scope in (streams if streams is not None else [EVERYWHERE])
    ]


def follow(engine: Engine, region: str) -> int:
    """Take off our list what somebody took off SES's; answers how many entries went.

    Not what an operator or a person's own word put there, nor what came after SES was asked.
    """
    with engine.begin() as connection:
        went = connection.execute(_FOLLOW, {"region": region, "source": SOURCE}).all()
        return _write(connection, went, "it was taken off SES's list for the account")


def lift(engine: Engine, region: str) -> int:
    """Take off our list what was only there because SES's had it, until we deleted it there.

    Mail that was sent between an operator's removal and the deletion has made such entries.
    """
    with engine.begin() as connection:
        went = connection.execute(_LIFT, {"region": region}).all()
        return _write(connection, went, "an operator removed it, and SES's list has it no more")


def _write(connection: Connection, went: Sequence[Row[Any]], note: str) -> int:
    pairs = sorted({(row.address, row.scope) for row in went})
    changes = [Change(address, scope, "removed", SOURCE, note=note) for address, scope in pairs]
    write(connection, changes)
    return len(pairs)
