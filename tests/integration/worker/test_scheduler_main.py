"""The duties of the process `mailsluice scheduler`, as it puts them together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from config import aws
from config.errors import ConfigurationError
from config.health import Progress
from db import accounts
from sandbox.aws.server import SimulatorThread
from worker.scheduler.duties import Duty, DutyRunner
from worker.scheduler.main import _duties
from worker.scheduler.metrics import SchedulerMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture(autouse=True)
def _endpoints(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", simulator.endpoint_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)


def test_every_duty_of_the_process_comes_to_its_end(settings: Settings, engine: Engine) -> None:
    sqs = aws.sqs(settings)
    for stream in settings.streams.values():
        sqs.create_queue(QueueName=stream.queue)
    registry, stopping = CollectorRegistry(), threading.Event()
    metrics = SchedulerMetrics(registry, "test")
    todo: list[Duty] = _duties(settings, engine, metrics, stopping)
    stopping.set()
    DutyRunner(engine, stopping, progress=Progress(), metrics=metrics).run(todo)
    done = {
        duty.name: registry.get_sample_value(
            "test_scheduler_duty_seconds_count", {"duty": duty.name, "result": "done"}
        )
        for duty in todo
    }
    names = (
        "sweep",
        "settle",
        "join",
        "dispatch",
        "account",
        "quota",
        "reputation",
        "retention",
        "queues",
    )
    assert done == dict.fromkeys(names, 1.0)
    assert accounts.latest(engine, settings.aws_region) is not None


def test_a_scheduler_without_its_queues_says_which_is_missing(
    settings: Settings, engine: Engine
) -> None:
    metrics = SchedulerMetrics(CollectorRegistry(), "test")
    with pytest.raises(ConfigurationError, match="mailsluice-transactional"):
        _duties(settings, engine, metrics, threading.Event())
