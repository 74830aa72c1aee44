"""The scheduler's loop: each duty at its interval, each done by one scheduler at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import ClientError

from db import duties

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.health import Progress
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)

EXTRA_SILENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Duty:
    """What to do, how often, and for how long it is ours once begun."""

    name: str
    interval_seconds: float
    lease_seconds: float
    work: Callable[[], None]


class DutyRunner:
    """Runs each duty in a thread of its own until the process stops."""

    def __init__(
        self,
        engine: Engine,
        stopping: threading.Event,
        *,
        progress: Progress,
        metrics: SchedulerMetrics,
    ) -> None:
        self._engine = engine
        self._stopping = stopping
        self._progress = progress
        self._metrics = metrics

    def run(self, todo: list[Duty]) -> None:
        """Run the duties; returns when the process stops and each has come to its end."""
        threads = [
            threading.Thread(target=self._loop, args=(duty,), name=duty.name) for duty in todo
        ]
        for duty in todo:
            silence_seconds = 2 * duty.interval_seconds + EXTRA_SILENCE_SECONDS
            self._progress.expect(duty.name, within_seconds=silence_seconds)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _loop(self, duty: Duty) -> None:
        while True:
            self._once(duty)
            self._progress.beat(duty.name)
            if self._stopping.wait(duty.interval_seconds):
                return

    def _once(self, duty: Duty) -> None:
        began = time.monotonic()
        try:
            if not self._begin(duty):
                return
            duty.work()
            duties.end(self._engine, duty.name)
        except Exception as error:  # noqa: BLE001  a duty that fails must not end the others
            # Texts of these errors may quote addresses; the kind says enough.
            log.warning("duty failed, will be tried again", duty=duty.name, error=_kind(error))
            self._metrics.record_duty(duty.name, "failed", time.monotonic() - began)
        else:
            self._metrics.record_duty(duty.name, "done", time.monotonic() - began)

    def _begin(self, duty: Duty) -> bool:
        return duties.begin(
            self._engine,
            duty.name,
            # A little less than the interval, or a loop would miss every second turn.
            interval_seconds=duty.interval_seconds * 0.9,
            lease_seconds=duty.lease_seconds,
        )


def _kind(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
