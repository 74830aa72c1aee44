"""What can be wrong with the database, in sentences for its operator."""

from __future__ import annotations


class DatabaseError(Exception):
    """The database cannot be used as it is configured."""


class DatabaseUnreachableError(DatabaseError):
    """No connection: check DATABASE_URL, the network and that the server runs."""


class DatabaseNotMigratedError(DatabaseError):
    """The tables are missing or not this version's: run `mailsluice migrate`."""
