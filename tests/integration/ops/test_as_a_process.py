"""The installed command, as an operator or a program calls it: sentences and exit codes."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from ops.commands import migrate as migrate_command
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Process = Callable[..., subprocess.CompletedProcess[str]]

SEND = ("send", "--to", "ada@example.com", "--subject", "x", "--text", "y")
LIST = ("suppressions", "list")


@pytest.fixture
def nobody_listens() -> Iterator[int]:
    """A port that is taken, and at which no connection is accepted."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def check(done: subprocess.CompletedProcess[str], code: ExitCode, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_database_that_is_away_is_3(run_process: Process, nobody_listens: int) -> None:
    url = f"postgresql://ada:open-sesame@127.0.0.1:{nobody_listens}/x"
    done = run_process(*LIST, DATABASE_URL=url)
    check(done, ExitCode.UNREACHABLE, "cannot be reached", "Check DATABASE_URL")
    assert "open-sesame" not in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [("", "is not set"), ("nonsense", "is not a URL"), ("mysql://x/y", "must be a postgresql")],
)
def test_a_database_url_that_is_none_is_2(run_process: Process, url: str, words: str) -> None:
    check(run_process(*LIST, DATABASE_URL=url), ExitCode.WRONG, "DATABASE_URL", words)


def test_a_database_without_tables_is_2_and_the_remedy_is_named(
    run_process: Process, empty_database_url: str
) -> None:
    done = run_process(*LIST, DATABASE_URL=empty_database_url)
    check(done, ExitCode.WRONG, "no tables of Mailsluice yet", "Run: mailsluice migrate")


def test_migrate_makes_the_tables_and_may_be_repeated(
    run_process: Process, empty_database_url: str
) -> None:
    first = run_process("migrate", "--json", DATABASE_URL=empty_database_url)
    again = run_process("migrate", DATABASE_URL=empty_database_url)
    listed = run_process(*LIST, "--json", DATABASE_URL=empty_database_url)
    assert json.loads(first.stdout)["before"] is None
    assert "up to date" in again.stdout
    assert [done.returncode for done in (first, again, listed)] == [ExitCode.DONE] * 3
    assert json.loads(listed.stdout) == []


def test_migrate_does_not_wait_unless_told(run_process: Process, nobody_listens: int) -> None:
    done = run_process("migrate", DATABASE_URL=f"postgresql://127.0.0.1:{nobody_listens}/x")
    check(done, ExitCode.UNREACHABLE, "does not answer")


def test_migrate_waits_for_a_database_that_is_starting(
    run: Callable[..., Result], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [OperationalError("", {}, ConnectionRefusedError("starting up"))] * 2
    really = migrate_command.upgrade

    def upgrade(engine: Any) -> tuple[str | None, str | None]:
        if refusals:
            raise refusals.pop()
        return really(engine)

    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    monkeypatch.setattr(migrate_command, "upgrade", upgrade)
    monkeypatch.setattr(migrate_command, "BETWEEN_TRIES_SECONDS", 0)
    result = run("migrate", "--wait-seconds", 30)
    assert result.exit_code == ExitCode.DONE
    assert "before: none" in result.stdout
    assert refusals == []


def test_no_credentials_is_2(run_process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for command in (SEND, ("provision",)):
        check(run_process(*command), ExitCode.WRONG, "No AWS credentials", "AWS_ACCESS_KEY_ID")


def test_no_region_is_2(run_process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    for command in (SEND, ("provision",)):
        check(run_process(*command), ExitCode.WRONG, "AWS_REGION is not set")


def test_sqs_away_is_3(run_process: Process, nobody_listens: int) -> None:
    url = f"http://127.0.0.1:{nobody_listens}"
    for command in (SEND, ("provision",)):
        done = run_process(*command, AWS_ENDPOINT_URL=url)
        check(done, ExitCode.UNREACHABLE, url)


def test_a_pipe_that_nobody_reads_is_no_failure_to_shout_about(
    run_process: Process,
) -> None:
    done = run_process("config", PYTHONUNBUFFERED="1")
    assert done.returncode == ExitCode.DONE
    reader, writer = socket.socketpair()
    reader.close()
    with writer:
        cut = subprocess.run(  # noqa: S603  our own program
            done.args, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert "Traceback" not in cut.stderr
