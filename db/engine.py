"""Connections to PostgreSQL: one pool a process, with time-outs on everything that can hang."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import errors as refusals
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from config.errors import ConfigurationError
from config.masking import mask_password
from db import sealing
from db.address_keys import ENCRYPTION, OPTION, check_keys, encryption_of
from db.errors import DatabaseError, DatabaseNotMigratedError, DatabaseUnreachableError
from db.migrate import newest_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

    from config.settings import Settings

EXAMPLE = "postgresql://user:password@host:5432/mailsluice"
DRIVER = "postgresql+psycopg"
POSTGRES_SCHEMES = {"postgres", "postgresql", DRIVER}

# A connection into a black hole must not hold a worker for the kernel's 15 minutes.
TCP_USER_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_SECONDS = 30


def database_url(settings: Settings) -> URL:
    """The configured URL, for the psycopg driver.

    Raises:
        ConfigurationError: it is missing, malformed or not PostgreSQL's.
    """
    value = settings.database_url.get_secret_value()
    if not value:
        raise ConfigurationError(f"DATABASE_URL is not set, for example {EXAMPLE}")
    url = _parsed(value)
    if url.drivername not in POSTGRES_SCHEMES:
        raise ConfigurationError(
            f"DATABASE_URL must be a postgresql:// URL, not {url.drivername}://: "
            "PostgreSQL is the one database that Mailsluice speaks."
        )
    return url.set(drivername=DRIVER)


def _parsed(value: str) -> URL:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ConfigurationError(
            f"DATABASE_URL is not a URL; it should look like {EXAMPLE}"
        ) from None
    except ValueError:
        # The port is all that SQLAlchemy converts; its words would quote what may be a password.
        raise ConfigurationError(
            f"DATABASE_URL names a port that is no number: {mask_password(value)}; it should look "
            f"like {EXAMPLE} (several hosts: ?host=one:5432&host=two:5432)"
        ) from None
    # SQLAlchemy ends a password at its first @, and errors would name its rest as the host.
    if "@" in (url.host or ""):
        raise ConfigurationError(
            f"DATABASE_URL has an @ within its password: write %40 for it ({mask_password(value)})"
        )
    return url


def connect(settings: Settings, *, application_name: str = "mailsluice") -> Engine:
    """An engine over the configured database. Opens no connection yet.

    Raises:
        ConfigurationError: DATABASE_URL is missing or malformed.
    """
    return create_engine(
        database_url(settings),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_statement_timeout_seconds,
        pool_use_lifo=True,
        connect_args=_connect_args(settings, application_name),
        # A statement's parameters hold addresses, and its errors reach logs.
        hide_parameters=True,
        execution_options={
            OPTION: settings.keys_of_addresses,
            ENCRYPTION: settings.keys_of_encryption,
        },
    )


@contextmanager
def statements(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own.

    For the hot paths whose work is one statement: it saves them the round trips of BEGIN and
    COMMIT.
    """
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def check(engine: Engine) -> None:
    """Make sure that the database answers and has this version's tables.

    Raises:
        DatabaseUnreachableError: no connection could be made.
        DatabaseNotMigratedError: the tables are missing or of another version.
        DatabaseError: the database answers, but not to this role or not what it should.
        ConfigurationError: a key is missing that the suppression list needs.
    """
    try:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if not isinstance(error.orig, refusals.UndefinedTable):
            raise _unusable(engine, error) from None
        found = None
    if found != newest_revision():
        raise DatabaseNotMigratedError(
            f"The database {_safe(engine)} has "
            + (f"tables of version {found}" if found else "no tables of Mailsluice yet")
            + f", and this program needs version {newest_revision()}. Run: mailsluice migrate"
        )
    check_keys(engine)
    if encryption_of(engine):
        sealing.begin(engine)


def _unusable(engine: Engine, error: DBAPIError) -> DatabaseError:
    place, said = _safe(engine), _first_line(error)
    if isinstance(error.orig, refusals.InsufficientPrivilege):
        return DatabaseError(
            f"The database {place} does not let this role read its tables: {said} Let the role "
            "that ran `mailsluice migrate` grant it SELECT, INSERT, UPDATE and DELETE on all of "
            "them, or name that role in DATABASE_URL."
        )
    if isinstance(error.orig, refusals.QueryCanceled):
        return DatabaseUnreachableError(
            f"The database {place} does not answer in time: {said} Something may hold a lock on "
            "its tables, such as a migration; MAILSLUICE_DATABASE_STATEMENT_TIMEOUT_SECONDS is "
            "how long is waited."
        )
    if isinstance(error, OperationalError):
        return DatabaseUnreachableError(
            f"The database {place} cannot be reached: {said} "
            "Check DATABASE_URL and that the server runs."
        )
    return DatabaseError(
        f"The database {place} refuses to tell the version of its tables: {said} "
        "Check that DATABASE_URL names the database of Mailsluice and no other."
    )


def _connect_args(settings: Settings, application_name: str) -> dict[str, Any]:
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    return {
        "connect_timeout": settings.database_connect_timeout_seconds,
        "application_name": application_name,
        "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={statement_ms} -c timezone=UTC "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS * 1000}",
    }


def _safe(engine: Engine) -> str:
    # SQLAlchemy itself would hide only a password that stands before the host.
    return mask_password(engine.url.render_as_string(hide_password=False))


def _first_line(error: DBAPIError) -> str:
    first = str(error.orig).strip().splitlines()[0].rstrip(".")
    return first + "."
