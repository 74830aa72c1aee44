"""What can be wrong with the database, in sentences for its operator."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError


class DatabaseError(Exception):
    """The database cannot be used as it is configured."""


class DatabaseUnreachableError(DatabaseError):
    """No connection: check DATABASE_URL, the network and that the server runs."""


class DatabaseNotMigratedError(DatabaseError):
    """The tables are missing or not this version's: run `mailsluice migrate`."""


class KeysMissingError(DatabaseError, SQLAlchemyError):
    """A key came into use after this process was started: start it anew with all of them.

    To whoever waits for the database it is one more reason to wait, and no fault of the data.
    """
