"""COPY, PostgreSQL's way for rows without number, in the transaction of a connection."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Copy
    from sqlalchemy import Connection

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@contextmanager
def copying(connection: Connection, statement: str) -> Iterator[Copy]:
    """Run a COPY as a part of the connection's transaction.

    Raises:
        sqlalchemy.exc.DBAPIError: as any statement does.
    """
    driver: Any = connection.connection.dbapi_connection
    try:
        with driver.cursor().copy(statement) as copied:
            yield copied
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def copied_row(*values: object) -> str:
    """A row in the text format of COPY.

    https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    return "\t".join(map(_value, values)) + "\n"


def _value(value: object) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPED)
