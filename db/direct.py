"""Statements of the hot paths: each call is a transaction of its own, at half SQLAlchemy's cost.

They are sent as they are written, over the same pool, and raise what SQLAlchemy would.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

# Its columns are attributes.
Row: TypeAlias = Any

# psycopg takes a statement of more characters apart anew at each call.
MOST_CHARACTERS = 4096

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")


def named_parameters(sql: str) -> str:
    """A statement as psycopg takes it, from one with parameters written as `:name`.

    Raises:
        ValueError: it is too long to be quick.
    """
    written = _PARAMETER.sub(r"%(\1)s", " ".join(sql.split()))
    if len(written) > MOST_CHARACTERS:
        raise ValueError(f"{len(written)} characters; at most {MOST_CHARACTERS} are quick")
    return written


class Direct:
    """One statement, with parameters written as `:name`. What PostgreSQL cannot tell has a cast."""

    def __init__(self, sql: str) -> None:
        """Raises ValueError: the statement is too long to be quick."""
        self.sql = named_parameters(sql).encode()

    def one_or_none(self, engine: Engine, **parameters: object) -> Row | None:
        """Execute it; answers its first row, or None.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy does; a broken connection leaves the pool.
            sqlalchemy.exc.TimeoutError: the pool has none to give.
        """
        with _connection(engine) as connection:
            cursor = connection.cursor(row_factory=namedtuple_row)
            cursor.execute(self.sql, parameters)
            return cursor.fetchone() if cursor.description else None


@contextmanager
def _connection(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    try:
        pooled = engine.raw_connection()
    except psycopg.Error as error:
        raise _wrapped(error, is_broken=True) from error
    connection: Any = pooled.driver_connection
    try:
        connection.autocommit = True
        yield connection
        connection.autocommit = False
    except psycopg.Error as error:
        is_broken = connection.closed or connection.broken
        if is_broken:
            pooled.invalidate(error)
        else:
            connection.autocommit = False
        raise _wrapped(error, is_broken=is_broken) from error
    finally:
        pooled.close()


def _wrapped(error: psycopg.Error, *, is_broken: bool) -> BaseException:
    return DBAPIError.instance(
        None,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=is_broken,
    )
