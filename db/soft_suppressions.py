"""The suppressions that soft bounces make: put on the list, moved, and lifted by deliveries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from db import soft_bounces
from db.soft_bounces import standing
from db.suppression_changes import Change, write
from db.suppression_strength import SOFT_REASON, SOFT_SOURCE
from db.suppressions import COLUMNS, EVERYWHERE, Suppression

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from config.suppression import SoftBounces
    from db.soft_bounces import SoftBounce

# In the order in which entries are written, so that two batches cannot deadlock.
_LOCK_ENTRIES = text(f"""
SELECT {COLUMNS} FROM email_suppressions
WHERE address = ANY(:addresses) ORDER BY address, scope FOR UPDATE
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))  # noqa: S608  a constant

_LIFT = text("""
DELETE FROM email_suppressions WHERE address = ANY(:addresses) AND scope = '*'
""").bindparams(bindparam("addresses", type_=ARRAY(Text())))

_SET = ("address", "reason", "source", "note", "feedback_id", "message_id")
_TIMES = ("expires_at", "firm_until")
_MOVE = text(f"""
UPDATE email_suppressions AS s SET reason = new.reason, source = new.source, note = new.note,
    feedback_id = new.feedback_id, message_id = new.message_id, expires_at = new.expires_at,
    firm_until = new.firm_until
FROM unnest({", ".join(f":{each}" for each in (*_SET, *_TIMES))})
    AS new ({", ".join((*_SET, *_TIMES))})
WHERE s.address = new.address AND s.scope = '*'
""").bindparams(  # noqa: S608  constants
    *(bindparam(each, type_=ARRAY(Text())) for each in _SET[:-1]),
    bindparam("message_id", type_=ARRAY(Uuid())),
    *(bindparam(each, type_=ARRAY(DateTime(timezone=True))) for each in _TIMES),
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
    `causes` names the event that has brought an address here. What an entry of another reason
    lasts longer for soft bounces is theirs as well, and nothing else of it.
    """
    if not addresses:
        return []
    locked = _locked(connection, {*addresses, *others})
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    wanted: dict[str, Suppression] = {}
    for address, bounces in soft_bounces.counting(connection, addresses).items():
        entry = _suppression(address, bounces, rules, causes.get(address))
        if entry is not None and entry.expires_at is not None and entry.expires_at > now:
            wanted[address] = entry
    held = {each: locked[each] for each in addresses if _holds(locked.get(each), now)}
    ours = {address for address, entry in held.items() if _is_ours(entry, now)}
    _lift(connection, sorted(ours - wanted.keys()), causes)
    moved = [(held[each], wanted[each]) for each in sorted(ours & wanted.keys())]
    lent = [
        (held[each], _lent(held[each], wanted.get(each))) for each in sorted(held.keys() - ours)
    ]
    _move(connection, [*moved, *lent], causes)
    return [each for each in wanted.values() if each.address not in held]


def _locked(connection: Connection, addresses: Collection[str]) -> dict[str, Suppression]:
    """The entries for everywhere; all entries become ours to write."""
    rows = connection.execute(_LOCK_ENTRIES, {"addresses": sorted(addresses)}).mappings()
    return {row["address"]: Suppression(**row) for row in rows if row["scope"] == EVERYWHERE}


def _holds(entry: Suppression | None, now: datetime) -> bool:
    return entry is not None and (entry.expires_at is None or entry.expires_at > now)


def _is_ours(entry: Suppression, now: datetime) -> bool:
    """Whether soft bounces alone still hold the entry."""
    return entry.is_soft or (entry.firm_until is not None and entry.firm_until <= now)


def _suppression(
    address: str, bounces: Sequence[SoftBounce], rules: SoftBounces, event: str | None
) -> Suppression | None:
    """Told by the bounces that brought it about: what came after them is of no matter to it."""
    reached = standing((each.bounced_at for each in bounces), rules)
    if reached.since is None:
        return None
    counted = [each for each in bounces if each.bounced_at <= reached.since]
    last = counted[-1]
    return Suppression(
        address=address,
        reason=SOFT_REASON,
        source=SOFT_SOURCE,
        note=f"{len(counted)} soft bounces since its last delivery, the last {last.cause}",
        message_id=last.message_id,
        feedback_id=last.feedback_id,
        expires_at=reached.until,
        event=event,
    )


def _lent(entry: Suppression, soft: Suppression | None) -> Suppression:
    """The entry of a stronger reason, that lasts as long as either says."""
    firm = entry.firm_until or entry.expires_at
    if soft is None or soft.expires_at is None or firm is None or soft.expires_at <= firm:
        return replace(entry, expires_at=firm, firm_until=None)
    return replace(entry, expires_at=soft.expires_at, firm_until=firm)


def _lift(connection: Connection, addresses: Sequence[str], causes: Mapping[str, str]) -> None:
    if not addresses:
        return
    connection.execute(_LIFT, {"addresses": list(addresses)})
    note = "its soft bounces count no longer"
    write(
        connection,
        [
            Change(each, EVERYWHERE, "removed", SOFT_SOURCE, note=note, event=causes.get(each))
            for each in addresses
        ],
    )


def _move(
    connection: Connection,
    told: Iterable[tuple[Suppression, Suppression]],
    causes: Mapping[str, str],
) -> None:
    """An entry of ours is set, be it to a later time or to a sooner one."""
    moved = [new for old, new in told if _says(new) != _says(old)]
    if not moved:
        return
    columns = {each: [getattr(entry, each) for entry in moved] for each in (*_SET, *_TIMES)}
    connection.execute(_MOVE, columns)
    write(connection, [_moved(each, causes.get(each.address)) for each in moved])


def _says(entry: Suppression) -> tuple[object, ...]:
    return entry.reason, entry.expires_at, entry.firm_until, entry.note, entry.feedback_id


def _moved(entry: Suppression, event: str | None) -> Change:
    return Change(
        address=entry.address,
        scope=EVERYWHERE,
        action="changed",
        source=SOFT_SOURCE,
        reason=SOFT_REASON,
        event=event,
        note=entry.note if entry.is_soft else "its soft bounces count as well, or no longer",
        message_id=entry.message_id,
        feedback_id=entry.feedback_id,
        entry_reason=entry.reason,
        entry_expires_at=entry.expires_at,
    )
