"""The scheduler's loop: each duty at its interval, each done by one scheduler at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from config.failures import error_name
from db import duties

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from config.health import Progress
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)

EXTRA_SILENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Duty:
    """What to do, how often, and for how long it is ours from the beginning of each turn.

    `work` does one bounded turn; it answers True when there is more to do at once.
    """

    name: str
    interval_seconds: float
    lease_seconds: float
    work: Callable[[], bool | None]


class Tenure:
    """Our hold on a duty, which other schedulers respect until it is given back or runs out."""

    def __init__(self, engine: Engine, duty: Duty) -> None:
        self._engine = engine
        self._duty = duty
        self._begun_at: datetime | None = None

    def begin(self) -> bool:
        """Take the duty, if it is due and nobody else has it. Raises what SQLAlchemy raises."""
        # The database may have been away when the last time ended.
        self.end()
        self._begun_at = duties.begin(
            self._engine,
            self._duty.name,
            # A little less than the interval, or a loop would miss every second turn.
            interval_seconds=self._duty.interval_seconds * 0.9,
            lease_seconds=self._duty.lease_seconds,
        )
        return self._begun_at is not None

    def renew(self) -> bool:
        """Hold it for one more turn; False if it is another's by now."""
        return self._begun_at is not None and duties.renew(
            self._engine,
            self._duty.name,
            self._begun_at,
            lease_seconds=self._duty.lease_seconds,
        )

    def end(self) -> None:
        """Give the duty back, if we hold it. Raises what SQLAlchemy raises."""
        if self._begun_at is not None:
            duties.end(self._engine, self._duty.name, self._begun_at)
            self._begun_at = None


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
        tenure = Tenure(self._engine, duty)
        while True:
            self._once(duty, tenure)
            self._progress.beat(duty.name)
            if self._stopping.wait(duty.interval_seconds):
                return

    def _once(self, duty: Duty, tenure: Tenure) -> None:
        began = time.monotonic()
        result = "done"
        try:
            if not tenure.begin():
                return
            self._take_turns(duty, tenure)
        except Exception as error:  # noqa: BLE001  a duty that fails must not end the others
            result = "failed"
            # Texts of these errors may quote addresses; the kind says enough.
            log.warning("duty failed, will be tried again", duty=duty.name, error=error_name(error))
        finally:
            self._end(duty, tenure)
        self._metrics.record_duty(duty.name, result, time.monotonic() - began)

    def _take_turns(self, duty: Duty, tenure: Tenure) -> None:
        while duty.work():
            self._progress.beat(duty.name)
            if self._stopping.is_set() or not tenure.renew():
                return

    def _end(self, duty: Duty, tenure: Tenure) -> None:
        try:
            tenure.end()
        except Exception as error:  # noqa: BLE001  it is given back when the database answers
            log.warning("duty is not given back yet", duty=duty.name, error=error_name(error))
