"""Statements of the hot paths: each call is a transaction of its own, at a third of the usual cost.

They are prepared once on each connection and run by libpq itself, which lets go of the interpreter
once a statement and not once a step. They take their connections from the same pool, and raise
what SQLAlchemy would.
"""

from __future__ import annotations

import re
from collections import namedtuple
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg.pq.abc import PGresult
    from sqlalchemy import Engine, PoolProxiedConnection

# Its columns are attributes.
Row: TypeAlias = Any

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")
_DONE = {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}
# psycopg forgets all that is prepared after a rollback, and a migration can make it useless.
_GONE = (InvalidSqlStatementName, FeatureNotSupported)
_names = count()


class Direct:
    """One statement, with parameters written as `:name`. What PostgreSQL cannot tell has a cast."""

    def __init__(self, sql: str) -> None:
        self._parameters = list(dict.fromkeys(_PARAMETER.findall(sql)))
        self._sql = _PARAMETER.sub(self._place, " ".join(sql.split())).encode()
        self._formats = [PyFormat.TEXT] * len(self._parameters)
        self._name = f"mailsluice_{next(_names)}".encode()
        self._row: Callable[..., Row] | None = None

    def one_or_none(self, engine: Engine, **parameters: object) -> Row | None:
        """Execute it; answers its first row, or None.

        Raises:
            KeyError: a parameter is missing.
            sqlalchemy.exc.DBAPIError: as SQLAlchemy does; a broken connection leaves the pool.
            sqlalchemy.exc.TimeoutError: the pool has none to give.
        """
        values = [parameters[name] for name in self._parameters]
        with _connection(engine) as pooled:
            connection: Any = pooled.driver_connection
            types = Transformer(connection)
            texts = types.dump_sequence(values, self._formats)
            result = self._execute(pooled, connection, texts)
            if not result.ntuples:
                return None
            types.set_pgresult(result)
            return types.load_row(0, self._maker(result))

    def _execute(
        self,
        pooled: PoolProxiedConnection,
        connection: psycopg.Connection[Any],
        texts: Sequence[Any],
    ) -> PGresult:
        """Where what was prepared has gone, nothing was executed yet: prepare it anew, once."""
        self._prepare(pooled, connection)
        try:
            return _checked(connection, connection.pgconn.exec_prepared(self._name, texts))
        except _GONE:
            pooled.info["prepared"].discard(self._name)
            connection.pgconn.exec_(b"DEALLOCATE " + self._name)
            self._prepare(pooled, connection)
            return _checked(connection, connection.pgconn.exec_prepared(self._name, texts))

    def _prepare(self, pooled: PoolProxiedConnection, connection: psycopg.Connection[Any]) -> None:
        prepared = pooled.info.setdefault("prepared", set())
        if self._name not in prepared:
            _checked(connection, connection.pgconn.prepare(self._name, self._sql))
            prepared.add(self._name)

    def _place(self, found: re.Match[str]) -> str:
        return f"${self._parameters.index(found.group(1)) + 1}"

    def _maker(self, result: PGresult) -> Callable[..., Row]:
        """What makes a row of its values: the columns are the same at every call."""
        if self._row is None:
            names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
            made: Any = namedtuple("Row", names)  # type: ignore[misc]  # noqa: PYI024
            self._row = made._make
        return self._row


@contextmanager
def _connection(engine: Engine) -> Iterator[PoolProxiedConnection]:
    try:
        pooled = engine.raw_connection()
    except psycopg.Error as error:
        raise _wrapped(error, is_broken=True) from error
    try:
        yield pooled
    except psycopg.Error as error:
        connection: Any = pooled.driver_connection
        is_broken = connection.closed or connection.broken
        if is_broken:
            # With it go all that are as old, as SQLAlchemy does it: the server has most likely
            # restarted, and each of them would fail a call of its own.
            engine.pool._invalidate(pooled, error)  # noqa: SLF001  there is no public name
        raise _wrapped(error, is_broken=is_broken) from error
    finally:
        pooled.close()


def _checked(connection: psycopg.Connection[Any], result: PGresult) -> PGresult:
    if result.status in _DONE:
        return result
    if connection.pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(result.get_error_message())
    raise error_from_result(result)


def _wrapped(error: psycopg.Error, *, is_broken: bool) -> BaseException:
    return DBAPIError.instance(
        None,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=is_broken,
    )
