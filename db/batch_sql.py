"""Statements over a whole batch: one text a column, so that rows cost next to nothing to send.

psycopg looks at each element of a list on its own, and SQLAlchemy does so once more; an array that
is written as PostgreSQL reads it goes to the server as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from sqlalchemy import Connection, CursorResult


_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")

# psycopg takes a statement of more characters apart anew at each call.
MOST_CHARACTERS = 4096


class BatchStatement:
    """One statement, with parameters written as `:name` and cast: `:ids::uuid[]`."""

    def __init__(self, sql: str) -> None:
        """Raises ValueError: the statement is too long to be quick."""
        self._sql = _PARAMETER.sub(r"%(\1)s", " ".join(sql.split()))
        if len(self._sql) > MOST_CHARACTERS:
            raise ValueError(f"{len(self._sql)} characters; at most {MOST_CHARACTERS} are quick")

    def run(self, connection: Connection, **parameters: str) -> CursorResult[Any]:
        """Execute it as a part of the connection's transaction."""
        return connection.exec_driver_sql(self._sql, parameters)


def array(values: Iterable[object]) -> str:
    """An array as PostgreSQL reads it: of texts, UUIDs, numbers or times.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    return "{" + ",".join(map(_element, values)) + "}"


def json_array(values: Iterable[str]) -> str:
    """JSON texts as one: as texts in an array, all their quotes would have to be escaped."""
    return "[" + ",".join(values) + "]"


def rank_of(column: str, ranks: Mapping[Any, int]) -> str:
    """SQL for the rank of the state in a column, from the one table of ranks there is."""
    cases = " ".join(f"WHEN '{_name(state)}' THEN {rank}" for state, rank in ranks.items())
    return f"(CASE {column} {cases} END)"


def _name(state: StrEnum) -> str:
    return state.value


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    written = str(value)
    if "\\" in written or '"' in written:
        written = written.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{written}"'
