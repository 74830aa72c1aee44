"""Addresses for whoever asks: the book's, decrypted. Who was erased stays a digest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from config.address_keys import is_digest
from db.address_keys import encryption_of
from db.batch_sql import BatchStatement, array

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    Row = TypeVar("Row", bound=Any)

_SEALED = BatchStatement("""
SELECT name, sealed FROM email_addresses WHERE name = ANY(:names::text[])
""")


def revealed(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The address behind each of the names that stands for one.

    Raises:
        ConfigurationError: a key is missing, or something was altered in the database.
    """
    keys = encryption_of(connection)
    digests = {each for each in names if is_digest(each)} if keys else ()
    if not digests:
        return {}
    rows = _SEALED.run(connection, names=array(digests))
    return {row.name: keys.open(row.sealed) for row in rows}


def reveal(connection: Connection, rows: Sequence[Row], *fields: str) -> list[Row]:
    """The rows, dataclasses, with addresses in these fields (`address` by default)."""
    places = fields or ("address",)
    found = revealed(connection, (getattr(row, place) for row in rows for place in places))
    if not found:
        return list(rows)
    return [
        replace(
            row, **{place: found.get(getattr(row, place), getattr(row, place)) for place in places}
        )
        for row in rows
    ]
