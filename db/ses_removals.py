"""What operators took off our list, so that SES's own has to follow and may not bring it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db.ses_list import EVIDENCE_HERE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from db.ses_readings import Position

Pair = tuple[str, str]

_BY_OPERATOR = "action = 'removed' AND source = 'operator'"

# The removal of one stream's own entry says nothing about SES's, unless that was a complaint.
_DOOM = text(f"""
UPDATE ses_suppressions AS m SET state = 'doomed', changed_at = now()
FROM (
    SELECT DISTINCT address FROM email_suppression_changes AS r
    WHERE {_BY_OPERATOR} AND changed_at > :settled_until
        AND (scope = '*' OR (
            SELECT b.entry_reason FROM email_suppression_changes AS b
            WHERE b.address = r.address AND b.scope = r.scope AND b.id < r.id
                AND b.entry_reason IS NOT NULL
            ORDER BY b.id DESC LIMIT 1
        ) = 'complaint')
) AS removed
WHERE m.region = :region AND m.address = removed.address
    AND m.state IN ('new', 'listed', 'unseen') AND NOT {EVIDENCE_HERE}
""")  # noqa: S608  constants

_REMOVALS = text(f"""
SELECT address, scope, max(id) FILTER (WHERE {_BY_OPERATOR}) AS removal, max(id) AS last_change,
    coalesce(max(changed_at) FILTER (WHERE {_BY_OPERATOR}) > :settled_until, false) AS is_fresh
FROM email_suppression_changes WHERE address = ANY(:addresses) GROUP BY address, scope
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))  # noqa: S608  constants


def doom(connection: Connection, region: str, settled_until: datetime) -> int:
    """Mark what SES has to delete because an operator removed it here; answers how many."""
    terms = {"region": region, "settled_until": settled_until}
    return connection.execute(_DOOM, terms).rowcount


def doom_removed(engine: Engine, at: Position) -> int:
    """`doom`, as a transaction of its own."""
    with engine.begin() as connection:
        return doom(connection, at.region, at.settled_until)


class Removals:
    """The removals of some addresses by operators, as they stand at this moment."""

    def __init__(
        self, connection: Connection, addresses: Sequence[str], settled_until: datetime
    ) -> None:
        terms = {"addresses": list(addresses), "settled_until": settled_until}
        rows = connection.execute(_REMOVALS, terms).all()
        self._known = {(row.address, row.scope): row.removal for row in rows if row.removal}
        self._hold = {
            (row.address, row.scope)
            for row in rows
            if row.is_fresh and row.removal == row.last_change
        }

    def hold(self, pair: Pair) -> bool:
        """Whether a removal is the last word about the entry, which SES does not know yet."""
        return pair in self._hold

    def same_as(self, other: Removals) -> bool:
        """Whether nobody has removed anything from one to the other."""
        return self._known == other._known
