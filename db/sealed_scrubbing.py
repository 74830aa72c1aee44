"""The same as `scrubbing` for what is encrypted: each text is opened and looked through here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger

from db.patience import be_patient
from db.rotating_texts import TEXTS, Texts
from db.sealed_texts import opened_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

AT_ONCE = 500
# What is put in the place of a text. Jobs are looked through when the address is erased.
_INSTEAD = {"email_events": "'{}'", "refused_messages": "'[erased]'"}
SCRUBBED = tuple(each for each in TEXTS if each.table in _INSTEAD)


def scrub_sealed(
    engine: Engine, texts: Texts, patterns: tuple[str, str], progress: Callable[[float], None]
) -> int:
    """Look through one column for the pattern in any case, and for the one of base64."""
    names_it, encodes_it = re.compile(patterns[0], re.IGNORECASE), re.compile(patterns[1])

    def holds(told: str) -> bool:
        return names_it.search(told) is not None or encodes_it.search(told) is not None

    found, after = 0, 0
    last = _last_id(engine, texts)
    while rows := _sealed(engine, texts, after):
        with engine.begin() as connection:
            opened = (
                (row.id, opened_text(connection, row.told, is_json=texts.is_json)) for row in rows
            )
            found += _scrub(connection, texts, [each for each, told in opened if holds(told)])
        after = rows[-1].id
        progress(min(1.0, after / max(1, last)))
    return found


def _last_id(engine: Engine, texts: Texts) -> int:
    with engine.begin() as connection:
        return int(connection.scalar(text(f"SELECT max(id) FROM {texts.table}")) or 0)  # noqa: S608  a constant


def _sealed(engine: Engine, texts: Texts, after: int) -> list[Any]:
    page = text(f"""
    SELECT id, {texts.column}::text AS told FROM {texts.table}
    WHERE id > :after AND starts_with({texts.column}::text, :begins) ORDER BY id LIMIT :most
    """)  # noqa: S608  constants
    terms = {"after": after, "begins": texts.sealed_prefix(), "most": AT_ONCE}
    with engine.begin() as connection:
        be_patient(connection)
        return list(connection.execute(page, terms).all())


def _scrub(connection: Connection, texts: Texts, ids: list[int]) -> int:
    statement = text(f"""
    UPDATE {texts.table} SET {texts.column} = {_INSTEAD[texts.table]} WHERE id = ANY(:ids)
    """).bindparams(bindparam("ids", type_=ARRAY(BigInteger())))  # noqa: S608  constants
    return connection.execute(statement, {"ids": ids}).rowcount if ids else 0
