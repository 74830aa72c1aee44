"""Takes an address out of the texts that came from outside: every row is looked at, in pieces."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import idna
from sqlalchemy import text

from db.address_keys import encryption_of
from db.sealed_scrubbing import SCRUBBED as SEALED
from db.sealed_scrubbing import scrub_sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

PAGES_AT_ONCE = 1000
SCRUBBED = "[erased]"


@dataclass(frozen=True)
class Column:
    """A text of a table, and what is put in its place."""

    table: str
    name: str
    instead: str


# What SES wrote names the recipients of one message: all of it goes, with subject and names.
COLUMNS = (
    Column("email_events", "raw", "'{}'"),
    Column("email_events", "proves", "(proves::jsonb - CAST(:address AS text))::json"),
    Column("refused_messages", "body", f"'{SCRUBBED}'"),
    Column("refused_messages", "reason", f"'{SCRUBBED}'"),
    Column("email_messages", "outcome_reason", f"'{SCRUBBED}'"),
    Column("email_bounces", "diagnostic_code", "NULL"),
    Column("email_suppressions", "note", "NULL"),
    Column("email_suppression_changes", "note", "NULL"),
)

# Before an address: nothing that is a part of one (= and & are taken for a URL's), or an escape of
# JSON or of a URL that ends in a letter.
_BEFORE = r"(^|[^a-z0-9.!#$%*+^_`~-]|\\u00[0-9a-f]{2}|\\[bfnrt]|%[0-9a-f]{2})"
_AFTER = r"($|[^a-z0-9.-]|[.-]($|[^a-z0-9]))"
_AT = r"(@|%40|\\u0040)"


def scrub(
    engine: Engine, address: str, *, progress: Callable[[float], None] = lambda _share: None
) -> dict[str, int]:
    """Look through every text there is for a normalised address; answers rows by table.

    Each piece of a table is a transaction. `progress` is told the share that is done.
    """
    patterns = {"address": address, "pattern": pattern(address), "encoded": encoded(address)}
    counts: dict[str, int] = {}
    for number, column in enumerate(COLUMNS):
        pages = _pages(engine, column.table)
        for first in range(0, pages, PAGES_AT_ONCE):
            found = _scrub(engine, column, first, patterns)
            counts[column.table] = counts.get(column.table, 0) + found
            done = min(1.0, (first + PAGES_AT_ONCE) / pages)
            progress((number + done) / len(COLUMNS))
    return _with_sealed(engine, patterns, counts, progress) if encryption_of(engine) else counts


def _with_sealed(
    engine: Engine,
    patterns: dict[str, str],
    counts: dict[str, int],
    progress: Callable[[float], None],
) -> dict[str, int]:
    searched = (patterns["pattern"], patterns["encoded"])
    for each in SEALED:
        counts[each.table] += scrub_sealed(engine, each, searched, progress)
    return counts


def pattern(address: str) -> str:
    """A regular expression of PostgreSQL for the address alone, in any case and spelling."""
    local, _at, domain = address.rpartition("@")
    spellings = {domain, _unicode(domain), _escaped(_unicode(domain))}
    domains = "|".join(sorted(re.escape(each) for each in spellings))
    return f"{_BEFORE}{re.escape(local)}{_AT}({domains}){_AFTER}"


def encoded(address: str) -> str:
    """The same for base64: what of it does not depend on its neighbours, at all three places."""
    return "|".join(re.escape(_middle(address.encode(), shift)) for shift in range(3))


def _middle(told: bytes, shift: int) -> str:
    written = base64.b64encode(b"\0" * shift + told).decode().rstrip("=")
    first = -(-shift * 8 // 6)
    whole = (shift + len(told)) * 8 // 6
    return written[first:whole]


def _unicode(domain: str) -> str:
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _escaped(domain: str) -> str:
    return "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in domain)


def _pages(engine: Engine, table: str) -> int:
    sql = text("SELECT pg_relation_size(CAST(:table AS regclass)) / 8192 + 1")
    with engine.begin() as connection:
        return int(connection.execute(sql, {"table": table}).scalar_one())


def _scrub(engine: Engine, column: Column, first: int, patterns: dict[str, str]) -> int:
    sql = text(f"""
    UPDATE {column.table} SET {column.name} = {column.instead}
    WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:last AS tid)
        AND ({column.name}::text ~* :pattern OR {column.name}::text ~ :encoded)
        AND {column.name}::text <> '{SCRUBBED}'
    """)  # noqa: S608  constants
    piece = {"first": f"({first},0)", "last": f"({first + PAGES_AT_ONCE},0)"}
    terms = {name: value for name, value in {**patterns, **piece}.items() if f":{name}" in sql.text}
    with engine.begin() as connection:
        return connection.execute(sql, terms).rowcount
