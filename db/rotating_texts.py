"""Brings the texts that are encrypted as a whole to the first key, in batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from db.address_keys import encryption_of
from db.address_naming import hidden_names, renamed_since
from db.batch_sql import BatchStatement, array, json_array
from db.patience import be_patient
from db.rotating import patiently
from db.sealed_texts import opened_text, sealed_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine


AT_ONCE = 200


@dataclass(frozen=True)
class Texts:
    """A column of texts, found by an id; `only` is what else is true of those that are there."""

    table: str
    column: str
    is_json: bool
    id_type: str = "bigint"
    only: str = "true"

    @property
    def first_id(self) -> str:
        """Below all ids."""
        return "0" if self.id_type == "bigint" else "00000000-0000-0000-0000-000000000000"

    def sealed_prefix(self, key: str = "") -> str:
        """How what is sealed begins; by a key, if that is said."""
        return ('{"sealed":"aes:' if self.is_json else "aes:") + (f"{key}:" if key else "")


# As the partial index of what is not at its end has it.
_OPEN = "state IN ('queued', 'parked', 'sending', 'unknown', 'held') AND payload IS NOT NULL"
TEXTS = (
    Texts("email_messages", "payload", is_json=True, id_type="uuid", only=_OPEN),
    Texts("refused_messages", "body", is_json=False, only="body <> ''"),
    Texts("email_events", "raw", is_json=True, only="raw::text <> '{}'"),
)

_WAITING = text("""
SELECT id, proves FROM email_events WHERE proves IS NOT NULL AND id > :after
ORDER BY id LIMIT :most FOR UPDATE
""")
_PROVES = BatchStatement("""
UPDATE email_events AS e SET proves = new.proves
FROM ROWS FROM (unnest(:ids::bigint[]), json_array_elements(:proves::json)) AS new (id, proves)
WHERE e.id = new.id
""")


def turn_waiting(engine: Engine) -> Iterator[int]:
    """Name the recipients of events that wait for their message as the tables do now."""
    after = 0
    while True:
        with engine.begin() as connection:
            be_patient(connection)
            rows = connection.execute(_WAITING, {"after": after, "most": AT_ONCE}).all()
            if rows:
                _rename(connection, rows)
        if not rows:
            return
        after = rows[-1].id
        yield len(rows)


def turn_texts(engine: Engine, texts: Texts) -> Iterator[int]:
    """Encrypt the texts of a column with the first key, or no more; answers how many at a time."""
    after = texts.first_id
    while rows := _stale(engine, texts, after):
        patiently(partial(_rewrite, engine, texts, rows))
        after = str(rows[-1].id)
        yield len(rows)


def is_stale(engine: Engine, texts: Texts) -> tuple[str, str]:
    """SQL for whether a text is not as the first key would have it, and its one parameter."""
    key = encryption_of(engine).current
    begins = f"starts_with({texts.column}::text, :begins)"
    if key is None:
        return begins, texts.sealed_prefix()
    return f"NOT {begins}", texts.sealed_prefix(key.id)


def _stale(engine: Engine, texts: Texts, after: str) -> list[Any]:
    condition, begins = is_stale(engine, texts)
    page = text(f"""
    SELECT id, {texts.column}::text AS told FROM {texts.table}
    WHERE {texts.only} AND id > CAST(:after AS {texts.id_type}) AND {condition}
    ORDER BY id LIMIT :most
    """)  # noqa: S608  constants
    with engine.begin() as connection:
        be_patient(connection)
        terms = {"after": after, "begins": begins, "most": AT_ONCE}
        return list(connection.execute(page, terms).all())


def _rewrite(engine: Engine, texts: Texts, rows: Sequence[Any]) -> None:
    """What was written anew meanwhile stays so."""
    kind = "::json" if texts.is_json else ""
    statement = BatchStatement(f"""
    UPDATE {texts.table} AS t SET {texts.column} = new.told{kind}
    FROM unnest(:ids::{texts.id_type}[], :old::text[], :new::text[]) AS new (id, old, told)
    WHERE t.id = new.id AND t.{texts.column}::text = new.old
    """)  # noqa: S608  constants
    with engine.begin() as connection:
        plain = (opened_text(connection, row.told, is_json=texts.is_json) for row in rows)
        statement.run(
            connection,
            ids=array(row.id for row in rows),
            old=array(row.told for row in rows),
            new=array(sealed_text(connection, each, is_json=texts.is_json) for each in plain),
        )


def _rename(connection: Connection, rows: Sequence[Any]) -> None:
    told = {name for row in rows for name in row.proves}
    is_hiding = encryption_of(connection).current is not None
    names = hidden_names(connection, told).names if is_hiding else {}
    names = {**names, **renamed_since(connection, told)}
    changed = [row for row in rows if not names.keys().isdisjoint(row.proves)]
    if changed:
        _PROVES.run(
            connection,
            ids=array(row.id for row in changed),
            proves=json_array(json.dumps(_named(row.proves, names)) for row in changed),
        )


def _named(proves: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): state for name, state in proves.items()}
