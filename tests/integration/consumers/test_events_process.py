"""The process `mailsluice events`: it says why it cannot start, drains, and ends when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from config.errors import ConfigurationError
from config.settings import load_settings
from consumers.main import run_events
from consumers.queues import find_queues
from db.errors import DatabaseNotMigratedError, DatabaseUnreachableError
from sandbox.postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.aws.control import Control

PROGRAM = """
import sys
from config.settings import load_settings
from consumers.main import run_events
sys.exit(run_events(load_settings()))
"""


class Process:
    """A real process, with its log."""

    def __init__(self, database_url: str, **environment: str) -> None:
        self._started = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", PROGRAM],
            env={
                **os.environ,
                "DATABASE_URL": database_url,
                "MAILSLUICE_METRICS_PORT": "0",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, number: signal.Signals) -> tuple[int, float, list[dict[str, Any]]]:
        """Exit code, how many seconds it took, and the log."""
        begun = time.monotonic()
        self._started.send_signal(number)
        log, _ = self._started.communicate(timeout=20)
        took = time.monotonic() - begun
        return self._started.returncode, took, [json.loads(line) for line in log.splitlines()]

    def kill(self) -> None:
        self._started.kill()
        if not self._started.stdout.closed:
            print(self._started.communicate()[0])  # noqa: T201  tells why a test has failed


@pytest.fixture
def start(database_url: str, mailbox: Any) -> Iterator[Callable[[], Process]]:
    """Starts the process over the test's own queue and database."""
    assert mailbox.name
    started: list[Process] = []

    def begin() -> Process:
        started.append(Process(database_url, MAILSLUICE_RECEIVE_WAIT_SECONDS="15"))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quickly_though_a_long_poll_is_open(
    control: Control, start: Callable[[], Process], number: signal.Signals
) -> None:
    process = start()
    control.wait_for("started:sqs.ReceiveMessage", 1, timeout_seconds=20)
    code, seconds, log = process.end(number)
    assert code == 0
    assert seconds < 5
    assert log[-1]["event"] == "events process ends"


def test_a_batch_in_hand_is_finished_when_the_signal_comes(
    control: Control, mailbox: Any, start: Callable[[], Process], send: Callable[[], Any]
) -> None:
    mailbox.put(send().in_sns("bounce_permanent") for _ in range(12))
    control.fault("sqs", "DeleteMessageBatch", "slow", seconds=1.5, times=1)
    process = start()
    control.wait_for("started:sqs.DeleteMessageBatch", 1, timeout_seconds=20)
    code, _seconds, _log = process.end(signal.SIGTERM)
    assert code == 0
    assert control.queue(mailbox.name)["messages"] == []


def test_its_log_tells_the_settings_once_and_never_an_address(
    control: Control, mailbox: Any, start: Callable[[], Process], send: Callable[[], Any]
) -> None:
    sent = send()
    mailbox.put(
        [
            sent.in_sns("bounce_permanent"),
            sent.in_sns("complaint"),
            f"illegible, from {sent.address}",
        ]
    )
    process = start()
    control.wait_for(f"queue_empty:{mailbox.name}", timeout_seconds=20)
    _code, _seconds, log = process.end(signal.SIGTERM)
    [settings] = [line for line in log if "receive_wait_seconds" in line]
    assert settings["receive_wait_seconds"] == 15
    written = json.dumps(log)
    assert sent.address not in written
    assert "user unknown" not in written
    assert "Your order" not in written
    assert '"refused": 1' in written


def test_without_its_queue_it_says_what_to_do(control: Control, database_url: str) -> None:
    control.reset()
    with pytest.raises(
        ConfigurationError,
        match=r"no queue 'mailsluice-events' in region eu-west-1"
        r".*mailsluice provision.*AWS_REGION.*MAILSLUICE_QUEUE_PREFIX",
    ):
        run_events(load_settings(database_url=database_url))


def test_without_tables_it_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(DatabaseNotMigratedError, match="mailsluice migrate"):
        run_events(load_settings(database_url=empty_database_url))


def test_without_a_database_it_says_so() -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    with pytest.raises(DatabaseUnreachableError, match="DATABASE_URL"):
        run_events(load_settings(database_url=nowhere))


def test_without_sqs_it_says_so(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ConfigurationError, match="SQS cannot be reached in region eu-west-1"):
        find_queues(load_settings(database_url=database_url))


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigurationError, match="No AWS credentials were found"):
        find_queues(load_settings(database_url=database_url))


def test_with_refused_credentials_it_says_so(control: Control, database_url: str) -> None:
    control.fault("sqs", "GetQueueUrl", "status", status=403, code="InvalidClientTokenId")
    with pytest.raises(ConfigurationError, match=r"InvalidClientTokenId.*credentials"):
        find_queues(load_settings(database_url=database_url))
