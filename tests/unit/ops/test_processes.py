"""`worker`, `scheduler` and `events` start with the options as settings."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from config.errors import ConfigurationError
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from config.settings import Settings


class Started:
    """Stands for a process: keeps what it was started with, and ends with `exit_code`."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []
        self.streams: list[list[str]] = []
        self.exit_code = 0

    def __call__(self, settings: Settings, *streams: list[str]) -> int:
        self.settings.append(settings)
        self.streams += streams
        return self.exit_code


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    places = {
        "worker.main": "run_worker",
        "worker.scheduler.main": "run_scheduler",
        "consumers.main": "run_events",
    }
    for module, function in places.items():
        stand_in: Any = ModuleType(module)
        setattr(stand_in, function, made)
        monkeypatch.setitem(sys.modules, module, stand_in)
    return made


def test_a_worker_serves_all_streams_unless_told(
    run: Callable[..., Result], started: Started
) -> None:
    assert run("worker").exit_code == ExitCode.DONE
    assert started.streams == [["transactional", "notifications", "marketing"]]


def test_a_worker_serves_the_streams_named(run: Callable[..., Result], started: Started) -> None:
    run("worker", "--streams", "marketing, transactional,marketing")
    assert started.streams == [["marketing", "transactional"]]


def test_options_go_before_the_environment(
    run: Callable[..., Result], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_CONCURRENCY", "3")
    run("worker", "--concurrency", 64, "--metrics-port", 0)
    run("worker")
    assert [each.concurrency for each in started.settings] == [64, 3]
    assert [each.metrics_port for each in started.settings] == [0, None]


@pytest.mark.parametrize("named", ["newsletter", "transactional,newsletter"])
def test_an_unknown_stream_is_refused_with_those_there_are(
    run: Callable[..., Result], started: Started, named: str
) -> None:
    result = run("worker", "--streams", named)
    assert result.exit_code == ExitCode.WRONG
    assert "There is no stream 'newsletter'" in result.stderr
    assert "transactional, notifications, marketing" in result.stderr
    assert not started.settings


def test_a_list_without_a_stream_is_refused(run: Callable[..., Result], started: Started) -> None:
    assert run("worker", "--streams", ",").exit_code == ExitCode.WRONG
    assert not started.settings


@pytest.mark.parametrize("process", ["scheduler", "events"])
def test_the_other_processes_take_a_port(
    run: Callable[..., Result], started: Started, process: str
) -> None:
    assert run(process, "--metrics-port", 9999).exit_code == ExitCode.DONE
    assert [each.metrics_port for each in started.settings] == [9999]


@pytest.mark.parametrize("process", ["worker", "scheduler", "events"])
def test_the_exit_code_of_the_process_is_ours(
    run: Callable[..., Result], started: Started, process: str
) -> None:
    started.exit_code = 17
    assert run(process).exit_code == 17


def test_a_process_that_cannot_start_says_why(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, started: Started
) -> None:
    def refuse(_settings: Settings) -> int:
        raise ConfigurationError("there is no queue")

    monkeypatch.setattr(sys.modules["consumers.main"], "run_events", refuse)
    result = run("events")
    assert result.exit_code == ExitCode.WRONG
    assert result.stderr == "Error: there is no queue\n"
