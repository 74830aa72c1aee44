"""Telling an outage of the database from data that it will never take."""

from __future__ import annotations

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    TimeoutError,  # noqa: A004  SQLAlchemy's own: the pool has no connection to give
)

from db.errors import KeysMissingError

_OUR_FAULT = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


def is_outage(error: BaseException) -> bool:
    """Whether the same call can be expected to succeed later.

    True for lost and refused connections, a pool that has none to give, statement time-outs, a
    server that is starting, ending or read-only after a failover; for a key that is wanted here.
    """
    if isinstance(error, TimeoutError | KeysMissingError):
        return True
    return isinstance(error, DBAPIError) and not isinstance(error, _OUR_FAULT)
