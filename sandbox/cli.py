"""The commands `mailsluice sandbox` and `mailsluice demo`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console
from sqlalchemy import make_url

from config.process import stop_on_signals
from sandbox.demo.run import Demo, DemoError
from sandbox.demo.show import print_places
from sandbox.installation import Installation
from sandbox.processes import ProcessError
from sandbox.waiting import NotInTimeError

if TYPE_CHECKING:
    from collections.abc import Iterator


def sandbox() -> None:
    """Bring up a database and a simulated AWS on localhost, migrated and provisioned.

    Prints the environment variables that point every command and SDK at it, and runs until
    Ctrl-C.

    Example: mailsluice sandbox
    """
    signal.signal(signal.SIGTERM, _end)
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-") as directory,
        _database_url() as database_url,
        Installation(Path(directory), database_url=database_url) as installation,
    ):
        print_places(Console(), installation)
        _wait_for_the_end()


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Send a few hundred mails through a whole installation on localhost, and account for each.

    Exits with 0 when every message is accounted for.

    Example: mailsluice demo --keep
    """
    # A pipe has no width, and 80 columns would fold the table.
    console = Console() if sys.stdout.isatty() else Console(width=100)
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="mailsluice-") as directory:
        raise typer.Exit(_demo(console, Path(directory), keep=keep))


def _demo(console: Console, directory: Path, *, keep: bool) -> int:
    console.print("starting PostgreSQL and a simulated AWS on localhost")
    try:
        with (
            _database_url() as database_url,
            Installation(directory, database_url=database_url) as installation,
        ):
            adds_up = Demo(installation, console).run()
            if keep:
                print_places(console, installation)
                _wait_for_the_end()
    except (DemoError, NotInTimeError, ProcessError) as error:
        console.print(f"[red]{error}[/]")
        return 1
    return 0 if adds_up else 1


def _end(_number: int, _frame: object) -> None:
    """A SIGTERM ends what was started too, as Ctrl-C does."""
    raise KeyboardInterrupt


@contextmanager
def _database_url() -> Iterator[str | None]:
    """A new database on the server of DATABASE_URL, dropped afterwards; None without that.

    Never the database that DATABASE_URL names: it may hold somebody's mail.
    """
    configured = os.environ.get("DATABASE_URL")
    if not configured:
        yield None
        return
    server = make_url(configured).set(drivername="postgresql")
    name = f"mailsluice_sandbox_{os.getpid()}"
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _wait_for_the_end() -> None:
    stopping = threading.Event()
    stop_on_signals(stopping)
    stopping.wait()
