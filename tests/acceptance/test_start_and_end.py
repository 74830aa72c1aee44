"""How processes start, refuse to start, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.procfile import read_procfile

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.processes import Process

PROCESSES = ["worker", "worker_bulk", "scheduler", "events"]
WRONG_USE = 2
UNREACHABLE = 3


def test_the_procfile_starts_what_there_is_and_every_stream_has_a_worker(
    installation: Installation,
) -> None:
    commands = read_procfile()
    assert sorted(commands) == sorted([*PROCESSES, "release"])
    consumed = {
        stream
        for name, command in commands.items()
        if name.startswith("worker")
        for stream in command[command.index("--streams") + 1].split(",")
    }
    assert consumed == set(installation.settings().streams)


def test_every_process_ends_at_sigterm_with_exit_code_0(installation: Installation) -> None:
    processes = [installation.start(name) for name in PROCESSES]
    for process in processes:
        process.terminate()
    assert [process.wait(timeout_seconds=15) for process in processes] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/none"}, "cannot be reached"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"AWS_REGION": ""}, "AWS_REGION is not set"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "No AWS credentials"),
        (
            {"MAILSLUICE_QUEUE_PREFIX": "other", "MAILSLUICE_EVENTS_QUEUE": "other-events"},
            "mailsluice provision",
        ),
        ({"MAILSLUICE_LEASE_SECONDS": "6"}, "MAILSLUICE_LEASE_SECONDS is 6 and must be at least"),
    ],
    ids=["database", "no-database", "region", "credentials", "queue", "times"],
)
def test_a_process_that_cannot_work_says_why_and_what_to_do(
    installation: Installation, environment: dict[str, str], sentence: str
) -> None:
    refused = [launch(installation, name, **environment) for name in PROCESSES]
    for process in refused:
        assert process.wait(timeout_seconds=30) in (WRONG_USE, UNREACHABLE)
        written = process.log_path.read_text()
        assert sentence in " ".join(written.split())
        assert "Traceback" not in written
        assert "secret" not in written


def test_a_database_that_was_not_migrated_is_named(
    installation: Installation, empty_database_url: str
) -> None:
    refused = [launch(installation, name, DATABASE_URL=empty_database_url) for name in PROCESSES]
    for process in refused:
        assert process.wait(timeout_seconds=30) == WRONG_USE
        assert "mailsluice migrate" in process.log_path.read_text()


def launch(installation: Installation, name: str, **environment: str) -> Process:
    # A developer's own credentials must not be found where none are to be.
    nothing = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(installation.directory)}
    return installation.launch(name, read_procfile()[name], **nothing, **environment)
