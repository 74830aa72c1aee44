"""Soft bounces: so many in a window suppress an address for a while, and longer each time.

Nothing is counted up: what holds is worked out anew from the rows of `email_bounces`, so neither
a redelivery nor the order of the events can make it wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db.batch_sql import BatchStatement, array

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import Connection

    from config.suppression import SoftBounces


@dataclass(frozen=True)
class SoftBounce:
    """One that counts against its address."""

    bounced_at: datetime
    cause: str
    feedback_id: str
    message_id: UUID | None


@dataclass(frozen=True)
class Standing:
    """Where soft bounces have brought an address.

    `recent` are those that count towards the next suppression, `times` how many there were,
    `since` when the last of them began, and `until` when it ends.
    """

    recent: Sequence[datetime] = ()
    times: int = 0
    until: datetime | None = None
    since: datetime | None = None

    def after(self, moment: datetime, rules: SoftBounces) -> Standing:
        """The same, one bounce later."""
        if self.until is not None and moment < self.until:
            return self
        recent = [each for each in self.recent if moment - each <= rules.window] + [moment]
        if 0 < rules.limit <= len(recent):
            return Standing((), self.times + 1, moment + self.next_lasts(rules), moment)
        return replace(self, recent=recent)

    def next_lasts(self, rules: SoftBounces) -> timedelta:
        """How long the next suppression lasts."""
        return rules.lasts[min(self.times, len(rules.lasts) - 1)]


def standing(bounced_at: Iterable[datetime], rules: SoftBounces) -> Standing:
    """Where these bounces, in the order of their times, have brought an address.

    What bounces while it is suppressed was on its way already, and counts no more.
    """
    reached = Standing()
    for moment in bounced_at:
        reached = reached.after(moment, rules)
    return reached


def suppressed_until(bounced_at: Iterable[datetime], rules: SoftBounces) -> datetime | None:
    """Until when these bounces suppress an address; None for never."""
    return standing(bounced_at, rules).until


_LOCK_CLASS = 0x50F7
_LOCK_BUCKETS = 1024

# Two consumers that each bring a bounce of one address must see each other's, and one that brings
# a delivery must see both. Deliveries of one address do not wait for each other. A batch may name
# thousands of addresses, and PostgreSQL has room for some thousand locks: hence buckets.
_LOCK = BatchStatement(f"""
SELECT count(CASE WHEN bounced
    THEN pg_advisory_xact_lock({_LOCK_CLASS}, bucket)::text
    ELSE pg_advisory_xact_lock_shared({_LOCK_CLASS}, bucket)::text END)
FROM (
    SELECT hashtext(address) & {_LOCK_BUCKETS - 1} AS bucket, bool_or(bounced) AS bounced
    FROM unnest(:addresses::text[], :bounced::bool[]) AS named (address, bounced)
    GROUP BY 1 ORDER BY 1
) AS buckets
""")  # noqa: S608  constants

_AFFECTED = BatchStatement("""
SELECT DISTINCT address FROM email_bounces WHERE is_soft AND address = ANY(:addresses::text[])
""")

# SES may tell one bounce in two forms, each with a feedback id of its own: a message counts once,
# when it bounced first, and is known since the first was told. A delivery ends the count, unless
# that very message bounced afterwards: servers that take mail for a full mailbox are common. Who
# was taken off the list by a person begins anew.
_COUNTING = text("""
WITH told AS (
    SELECT *, coalesce(ses_message_id, message_id::text, feedback_id) AS mail
    FROM email_bounces WHERE is_soft AND address = ANY(:addresses)
), first AS (
    SELECT DISTINCT ON (address, mail) address, bounced_at, feedback_id, message_id,
        min(created_at) OVER (PARTITION BY address, mail) AS known_since,
        bounce_type || '/' || bounce_subtype AS cause
    FROM told ORDER BY address, mail, bounced_at, feedback_id
)
SELECT b.address, b.bounced_at, b.feedback_id, b.message_id, b.cause
FROM first AS b
WHERE b.bounced_at > ALL (
        SELECT r.delivered_at FROM email_recipients AS r
        WHERE r.address = b.address AND r.delivered_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM email_bounces AS later
                WHERE later.address = r.address AND later.message_id = r.message_id))
    AND b.bounced_at > ALL (
        SELECT d.delivered_at FROM email_deliveries AS d
        WHERE d.address = b.address
            AND NOT EXISTS (
                SELECT FROM email_bounces AS later
                WHERE later.address = d.address
                    AND d.mail IN (later.ses_message_id, later.message_id::text)))
    AND b.known_since > ALL (
        SELECT c.changed_at FROM email_suppression_changes AS c
        WHERE c.address = b.address AND c.scope = '*'
            AND c.action = 'removed' AND c.source <> 'event')
ORDER BY b.address, b.bounced_at, b.feedback_id
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))


def lock(connection: Connection, bounced: Collection[str], delivered: Collection[str]) -> None:
    """Make concurrent batches about these addresses wait for each other, until the commit."""
    addresses = sorted({*bounced, *delivered})
    if addresses:
        is_bounced = array(address in bounced for address in addresses)
        _LOCK.run(connection, addresses=array(addresses), bounced=is_bounced)


def affected(
    connection: Connection, bounced: Collection[str], delivered: Collection[str]
) -> list[str]:
    """Those of the addresses for which soft bounces are on record."""
    addresses = sorted({*bounced, *delivered})
    if not addresses:
        return []
    return sorted(_AFFECTED.run(connection, addresses=array(addresses)).scalars())


def counting(connection: Connection, addresses: Sequence[str]) -> dict[str, list[SoftBounce]]:
    """For each address the soft bounces since its last delivery, in the order of their times."""
    found: dict[str, list[SoftBounce]] = {address: [] for address in addresses}
    for row in connection.execute(_COUNTING, {"addresses": list(addresses)}):
        found[row.address].append(
            SoftBounce(row.bounced_at, row.cause, row.feedback_id, row.message_id)
        )
    return found
