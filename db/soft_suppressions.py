"""The suppressions that soft bounces make: put on the list, moved, and lifted by deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from db import soft_bounces
from db.soft_bounces import suppressed_until
from db.suppression_changes import Change, write
from db.suppressions import EVERYWHERE, Suppression

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from config.suppression import SoftBounces
    from db.soft_bounces import SoftBounce

REASON = "soft_bounce"
SOURCE = "event"

# In the order in which entries are written, so that two batches cannot deadlock.
_LOCK_ENTRIES = text("""
SELECT address, scope, reason, source, expires_at, expires_at > now() AS in_force
FROM email_suppressions WHERE address = ANY(:addresses) ORDER BY address, scope FOR UPDATE
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))

_LIFT = text("""
DELETE FROM email_suppressions WHERE address = ANY(:addresses) AND scope = '*'
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))

_MOVE = text("""
UPDATE email_suppressions AS s SET expires_at = new.expires_at
FROM unnest(:addresses, :expires_at) AS new (address, expires_at)
WHERE s.address = new.address AND s.scope = '*'
""").bindparams(
    bindparam("addresses", type_=ARRAY(Text())),
    bindparam("expires_at", type_=ARRAY(DateTime(timezone=True))),
)


def settle(
    connection: Connection,
    addresses: Sequence[str],
    *,
    others: Collection[str],
    causes: Mapping[str, str],
    rules: SoftBounces,
) -> list[Suppression]:
    """Correct the entries that soft bounces made; answers the suppressions they newly ask for.

    `others` are addresses that the same transaction is about to suppress for other reasons, and
    `causes` names the event that has brought an address here.
    """
    if not addresses:
        return []
    held = _held(connection, {*addresses, *others})
    now = connection.scalar(text("SELECT now()"))
    wanted: dict[str, Suppression] = {}
    for address, bounces in soft_bounces.counting(connection, addresses).items():
        until = suppressed_until((each.bounced_at for each in bounces), rules)
        if until is not None and now is not None and until > now:
            wanted[address] = _suppression(address, bounces, until, causes.get(address))
    held = {address: until for address, until in held.items() if address in set(addresses)}
    _lift(connection, [address for address in held if address not in wanted], causes)
    _move(connection, [wanted[address] for address in held if address in wanted], held)
    return [each for each in wanted.values() if each.address not in held]


def _held(connection: Connection, addresses: Collection[str]) -> dict[str, datetime]:
    """The entries in force that soft bounces made, and until when; all entries become ours."""
    rows = connection.execute(_LOCK_ENTRIES, {"addresses": sorted(addresses)}).all()
    return {
        row.address: row.expires_at
        for row in rows
        if (row.scope, row.reason, row.source) == (EVERYWHERE, REASON, SOURCE) and row.in_force
    }


def _suppression(
    address: str, bounces: Sequence[SoftBounce], until: datetime, event: str | None
) -> Suppression:
    last = bounces[-1]
    return Suppression(
        address=address,
        reason=REASON,
        source=SOURCE,
        note=f"{len(bounces)} soft bounces since its last delivery, the last {last.cause}",
        message_id=last.message_id,
        feedback_id=last.feedback_id,
        expires_at=until,
        event=event,
    )


def _lift(connection: Connection, addresses: Sequence[str], causes: Mapping[str, str]) -> None:
    if not addresses:
        return
    connection.execute(_LIFT, {"addresses": sorted(addresses)})
    note = "its soft bounces count no longer"
    write(
        connection,
        [
            Change(each, EVERYWHERE, "removed", SOURCE, note=note, event=causes.get(each))
            for each in sorted(addresses)
        ],
    )


def _move(
    connection: Connection, wanted: Sequence[Suppression], held: Mapping[str, datetime]
) -> None:
    """An entry of ours is set, be it to a later time or to a sooner one."""
    moved = sorted(
        (each for each in wanted if each.expires_at != held[each.address]),
        key=lambda each: each.address,
    )
    if not moved:
        return
    connection.execute(
        _MOVE,
        {
            "addresses": [each.address for each in moved],
            "expires_at": [each.expires_at for each in moved],
        },
    )
    write(connection, [_moved(each) for each in moved])


def _moved(entry: Suppression) -> Change:
    return Change(
        address=entry.address,
        scope=EVERYWHERE,
        action="changed",
        source=SOURCE,
        reason=REASON,
        event=entry.event,
        note=entry.note,
        message_id=entry.message_id,
        feedback_id=entry.feedback_id,
        entry_reason=REASON,
        entry_expires_at=entry.expires_at,
    )
