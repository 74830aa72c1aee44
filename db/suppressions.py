"""The suppression list: addresses that must not be mailed, everywhere or in one stream."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from db.address_keys import keys_of, note_digests
from db.address_naming import named
from db.address_revealing import reveal
from db.suppression_changes import Change, write
from db.suppression_strength import KEEP_THE_STRONGER, SOFT_REASON, SOFT_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Engine, Row

EVERYWHERE = "*"
OPERATOR = "operator"

# From the weakest to the strongest: a reason is never overwritten by one further to the left.
REASONS = ("soft_bounce", "account_list", "unsubscribe", "bounce", "complaint", "manual")


@dataclass(frozen=True)
class Suppression:
    """An address that must not be mailed. `address` is normalised; no expiry means for ever.

    `event` and `by` say which event or person asks for it; they are kept in its history. Where
    soft bounces make it last longer than its reason does, `firm_until` is the end of that.
    """

    address: str
    reason: str
    source: str
    scope: str = EVERYWHERE
    note: str | None = None
    message_id: UUID | None = None
    feedback_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    firm_until: datetime | None = None
    event: str | None = None
    by: str | None = None

    @property
    def is_soft(self) -> bool:
        """Whether events of soft bounces alone ask for it."""
        return (self.reason, self.source) == (SOFT_REASON, SOFT_SOURCE)


COLUMNS = (
    "address, reason, source, scope, note, message_id, feedback_id, created_at, expires_at, "
    "firm_until"
)

_ADD = text(f"""
INSERT INTO email_suppressions AS s
    (address, scope, reason, source, note, message_id, feedback_id, expires_at, firm_until)
SELECT * FROM unnest(:address, :scope, :reason, :source, :note, :message_id, :feedback_id,
    :expires_at, :firm_until)
{KEEP_THE_STRONGER}
""").bindparams(  # noqa: S608  constants
    *(
        bindparam(name, type_=ARRAY(Text()))
        for name in ("address", "scope", "reason", "source", "note", "feedback_id", "reasons")
    ),
    bindparam("message_id", type_=ARRAY(Uuid())),
    *(
        bindparam(name, type_=ARRAY(DateTime(timezone=True)))
        for name in ("expires_at", "firm_until")
    ),
)

_REMOVE = text("""
DELETE FROM email_suppressions WHERE address = ANY(:names) AND (:scope IS NULL OR scope = :scope)
RETURNING address, scope
""").bindparams(bindparam("scope", type_=Text()), bindparam("names", type_=ARRAY(Text())))

_FIND = text(
    f"SELECT {COLUMNS} FROM email_suppressions WHERE address = ANY(:names) ORDER BY scope"  # noqa: S608  a constant
).bindparams(bindparam("names", type_=ARRAY(Text())))

_LIST = text(f"""
SELECT {COLUMNS} FROM email_suppressions
WHERE (:reason IS NULL OR reason = :reason) AND (address, scope) > (:address, :scope)
ORDER BY address, scope LIMIT :most
""").bindparams(bindparam("reason", type_=Text()))  # noqa: S608  a constant

PAGE = 1000


def add(engine: Engine, suppressions: Sequence[Suppression]) -> list[Suppression]:
    """Put addresses on the list, in one transaction; answers those that this call changed.

    Of two entries for an address the stronger reason counts, and the longer time.
    """
    with engine.begin() as connection:
        return reveal(connection, add_in(connection, suppressions))


def add_in(connection: Connection, suppressions: Sequence[Suppression]) -> list[Suppression]:
    """`add`, as a part of the caller's transaction. What it answers are names, as the list has."""
    if not suppressions:
        return []
    names = named(connection, {each.address for each in suppressions})
    told = [replace(each, address=names.of(each.address)) for each in suppressions]
    strongest = _strongest(_but_what_is_over(told, in_force(connection, told)))
    if not strongest:
        return []
    note_digests(connection, (each.address for each in strongest))
    columns = {
        name: [getattr(suppression, name) for suppression in strongest]
        for name in ("address", "scope", "reason", "source", "note", "message_id", "feedback_id")
    }
    for name in ("expires_at", "firm_until"):
        columns[name] = [getattr(suppression, name) for suppression in strongest]
    rows = connection.execute(_ADD, {**columns, "reasons": list(REASONS)})
    entries = {(row.address, row.scope): row for row in rows}
    changed = [each for each in strongest if (each.address, each.scope) in entries]
    write(connection, [_change(each, entries[each.address, each.scope]) for each in changed])
    return changed


def in_force(connection: Connection, suppressions: Sequence[Suppression]) -> list[Suppression]:
    """Those that are not over already, by the database's clock."""
    if all(each.expires_at is None for each in suppressions):
        return list(suppressions)
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return [each for each in suppressions if each.expires_at is None or each.expires_at > now]


def _change(cause: Suppression, entry: Row[Any]) -> Change:
    return Change(
        address=cause.address,
        scope=cause.scope,
        action="added" if entry.is_new else "changed",
        source=cause.source,
        reason=cause.reason,
        by=cause.by,
        event=cause.event,
        note=cause.note,
        message_id=cause.message_id,
        feedback_id=cause.feedback_id,
        entry_reason=entry.reason,
        entry_expires_at=entry.expires_at,
    )


def remove(
    engine: Engine,
    address: str,
    *,
    scope: str | None = None,
    by: str | None = None,
    note: str | None = None,
) -> int:
    """Take an address off the list, in one scope or in all; answers how many entries went.

    It is an operator's word (`by`): soft bounces from before it count no more.
    """
    with engine.begin() as connection:
        named(connection, ())
        terms = {"names": keys_of(engine).names(address), "scope": scope}
        went = connection.execute(_REMOVE, terms).all()
        changes = [
            Change(row.address, row.scope, "removed", OPERATOR, by=by, note=note) for row in went
        ]
        write(connection, changes)
        return len(went)


def find(engine: Engine, address: str) -> list[Suppression]:
    """Every entry of an address, expired ones too, and those that know it by a digest."""
    with engine.begin() as connection:
        return find_in(connection, address)


def find_in(connection: Connection, address: str) -> list[Suppression]:
    """`find`, as a part of the caller's transaction."""
    rows = connection.execute(_FIND, {"names": keys_of(connection.engine).names(address)})
    return reveal(connection, [Suppression(**row) for row in rows.mappings()])


def pages(engine: Engine, *, reason: str | None = None) -> Iterator[list[Suppression]]:
    """The whole list in pages, by address; each page is a transaction of its own."""
    last = ("", "")
    while True:
        with engine.begin() as connection:
            terms = {"reason": reason, "address": last[0], "scope": last[1], "most": PAGE}
            rows = connection.execute(_LIST, terms).mappings()
            page = [Suppression(**row) for row in rows]
            shown = reveal(connection, page)
        if page:
            yield shown
        if len(page) < PAGE:
            return
        last = (page[-1].address, page[-1].scope)


def _but_what_is_over(
    told: Sequence[Suppression], valid: Sequence[Suppression]
) -> list[Suppression]:
    """What is over counts only where nothing else is said."""
    named = {(each.address, each.scope) for each in valid}
    return [*valid, *(each for each in told if (each.address, each.scope) not in named)]


def _strongest(suppressions: Sequence[Suppression]) -> list[Suppression]:
    """One entry an address and scope, sorted so that two batches cannot deadlock."""
    told: dict[tuple[str, str], list[Suppression]] = {}
    for suppression in suppressions:
        told.setdefault((suppression.address, suppression.scope), []).append(suppression)
    return [_together(told[key]) for key in sorted(told)]


def _together(told: Sequence[Suppression]) -> Suppression:
    """The strongest, with the longest time; soft bounces may last longer, and are kept apart."""
    firm = [each for each in told if not each.is_soft]
    strongest, until = max(firm or told, key=_strength), _latest(firm or told)
    soft_until = _latest([each for each in told if each.is_soft]) if firm else None
    if soft_until is None or until is None or soft_until <= until:
        return replace(strongest, expires_at=until)
    return replace(strongest, expires_at=soft_until, firm_until=until)


def _strength(suppression: Suppression) -> tuple[int, float]:
    """The reason first, then how long it lasts."""
    expires_at = suppression.expires_at
    lasts = expires_at.timestamp() if expires_at else math.inf
    return REASONS.index(suppression.reason), lasts


def _latest(suppressions: Sequence[Suppression]) -> datetime | None:
    """When the last of them ends; None is never."""
    ends = [each.expires_at for each in suppressions if each.expires_at is not None]
    return max(ends, default=None) if len(ends) == len(suppressions) else None
