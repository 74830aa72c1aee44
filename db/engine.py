"""Connections to PostgreSQL: one pool a process, with time-outs on everything that can hang."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

from config.errors import ConfigurationError
from config.settings import mask_password
from db.errors import DatabaseNotMigratedError, DatabaseUnreachableError
from db.migrate import newest_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

    from config.settings import Settings

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
        raise ConfigurationError(
            "DATABASE_URL is not set, for example postgresql://user:password@host:5432/mailsluice"
        )
    try:
        url = make_url(value)
    except ArgumentError:
        raise ConfigurationError(f"DATABASE_URL is not a URL: {mask_password(value)}") from None
    if url.drivername not in POSTGRES_SCHEMES:
        raise ConfigurationError(
            f"DATABASE_URL must be a postgresql:// URL, not {url.drivername}://: "
            "PostgreSQL is the one database that Mailsluice speaks."
        )
    return url.set(drivername=DRIVER)


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
    """
    try:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except OperationalError as error:
        raise DatabaseUnreachableError(
            f"The database {_safe(engine)} cannot be reached: {_first_line(error)} "
            "Check DATABASE_URL and that the server runs."
        ) from None
    except ProgrammingError:
        found = None
    if found != newest_revision():
        raise DatabaseNotMigratedError(
            f"The database {_safe(engine)} has "
            + (f"tables of version {found}" if found else "no tables of Mailsluice yet")
            + f", and this program needs version {newest_revision()}. Run: mailsluice migrate"
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
    return engine.url.render_as_string(hide_password=True)


def _first_line(error: OperationalError) -> str:
    first = str(error.orig).strip().splitlines()[0].rstrip(".")
    return first + "."
