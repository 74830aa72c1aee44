"""What every test stands on: no reaching out by accident, and a real PostgreSQL on demand."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import structlog
from sqlalchemy import make_url

from config.settings import load_settings
from db.engine import connect
from db.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.installation import Installation
    from sandbox.watch import Watch

LOCAL_HOSTS = {"127.0.0.1", "::1", "localhost"}
EXTERNAL_DATABASE_URL = os.environ.get("DATABASE_URL")

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _no_outside_world() -> Iterator[None]:
    """A test whose own process reaches for another host fails instead of touching it.

    Covers Python's sockets (boto3, HTTP, asyncio) and psycopg, whose C library opens its own; the
    server of DATABASE_URL may be anywhere. Not covered: name look-ups, and the processes that
    tests start, which are kept at home by the environment they are given.
    """
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _at_home_only(getattr(socket.socket, name)))
    for kind in (psycopg.Connection, psycopg.AsyncConnection):
        patch.setattr(kind, "connect", _in_databases_at_home_only(kind.connect))
    patch.setattr(psycopg, "connect", psycopg.Connection.connect)
    yield
    patch.undo()


def _at_home_only(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_locally(self: socket.socket, address: object) -> object:
        if isinstance(address, tuple) and address[0] not in LOCAL_HOSTS:
            raise AssertionError(f"a test tried to connect to {address[0]}")
        return connect(self, address)

    return connect_locally


def _in_databases_at_home_only(connect: Callable[..., Any]) -> Callable[..., Any]:
    allowed = LOCAL_HOSTS | _database_hosts(_libpq(EXTERNAL_DATABASE_URL or ""))

    def connect_locally(conninfo: str = "", **parameters: Any) -> object:
        strange = _database_hosts(conninfo, **parameters) - allowed
        if strange:
            raise AssertionError(f"a test tried to connect to a database on {min(strange)}")
        return connect(conninfo, **parameters)

    return connect_locally


def _database_hosts(conninfo: str, **parameters: Any) -> set[str]:
    """The hosts that libpq would try; none for the socket of this machine."""
    names = {"host", "hostaddr"}
    known = {key: value for key, value in parameters.items() if key in names}
    found = psycopg.conninfo.conninfo_to_dict(conninfo, **known)
    given = [found.get("host") or os.environ.get("PGHOST"), found.get("hostaddr")]
    hosts = {host for hosts in given if hosts for host in str(hosts).split(",")}
    return {host for host in hosts if host and not host.startswith(("/", "@"))}


def _libpq(url: str) -> str:
    if not url:
        return ""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A test that sets logging up, as a process does, leaves none of it to the next one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's machine reaches a test."""
    for name in os.environ:
        if name.startswith(("AWS_", "MAILSLUICE_", "EMAIL_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


class Databases:
    """Makes databases on one server: empty ones, and migrated ones quickly from a template."""

    def __init__(self, run: Callable[[str], None], url_of: Callable[[str], str]) -> None:
        self._run = run
        self._url_of = url_of
        self._template: str | None = None
        self._prefix = f"mailsluice_test_{os.getpid()}"

    def create_empty(self) -> tuple[str, str]:
        """A new database without tables: its name and URL."""
        name = f"{self._prefix}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}"')
        return name, self._url_of(name)

    def create(self) -> tuple[str, str]:
        """A new database with all tables: its name and URL."""
        if self._template is None:
            self._template, url = self.create_empty()
            engine = connect(load_settings(database_url=url))
            migrate(engine)
            engine.dispose()
        name = f"{self._prefix}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name, self._url_of(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def drop_template(self) -> None:
        """Drop what `create` copies from."""
        if self._template:
            self.drop(self._template)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The server of DATABASE_URL where that is set, or one started for these tests."""
    if EXTERNAL_DATABASE_URL:
        made = _on_server(EXTERNAL_DATABASE_URL)
        yield made
        made.drop_template()
        return
    yield from _on_embedded_server()


def _on_embedded_server() -> Iterator[Databases]:
    from sandbox.postgres import PostgresServer  # noqa: PLC0415  not needed with DATABASE_URL

    # Not in pytest's own folder: another run on this host shuts that to the server's user.
    with tempfile.TemporaryDirectory(prefix="mailsluice-tests-") as directory:
        server = PostgresServer(Path(directory) / "data").start()
        yield _on_server(server.url())
        server.stop(immediately=True)


def _on_server(url: str) -> Databases:
    def run(statement: str) -> None:
        with psycopg.connect(_libpq(url), autocommit=True) as connection:
            connection.execute(statement.encode())

    return Databases(
        run,
        lambda name: make_url(url).set(database=name).render_as_string(hide_password=False),
    )


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database of the test's own."""
    name, url = databases.create()
    yield url
    databases.drop(name)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database without tables."""
    name, url = databases.create_empty()
    yield url
    databases.drop(name)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings over the test's own database, everything else by default."""
    return load_settings(database_url=database_url)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """Connections to the test's own database."""
    made = connect(settings)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> Iterator[Installation]:
    """Database, simulated AWS and queues, without any process yet; one for a whole module."""
    from sandbox.installation import Installation  # noqa: PLC0415  heavy, and rarely needed

    name, url = databases.create_empty()
    with Installation(tmp_path_factory.mktemp("installation"), database_url=url) as made:
        yield made
    databases.drop(name)


@pytest.fixture(scope="module")
def watch(installation: Installation) -> Iterator[Watch]:
    """The ledger and SES's own record of that installation."""
    from sandbox.watch import Watch  # noqa: PLC0415  heavy, and rarely needed

    made = Watch(installation)
    yield made
    made.close()
