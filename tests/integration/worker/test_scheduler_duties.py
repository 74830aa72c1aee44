"""Duties go round whatever happens to one of them. Real PostgreSQL."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.health import Progress
from db import duties
from worker.scheduler.duties import Duty, DutyRunner
from worker.scheduler.metrics import SchedulerMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sqlalchemy import Engine

NAME = "dispatch"
LEASE_SECONDS = 60.0


class Beats(Progress):
    """Counts the signs of life."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def beat(self, loop: str) -> None:
        self.count += 1
        super().beat(loop)


class Round:
    """One scheduler and its one duty, whose turns are a list of what they answer or raise.

    Stops with the last of them, and its duties then have come to their end.
    """

    def __init__(self, engine: Engine, *turns: bool | Exception) -> None:
        self.engine = engine
        self.turns = list(turns)
        self.stopping = threading.Event()
        self.progress = Beats()
        self.registry = CollectorRegistry()
        self.meanwhile: Callable[[], None] = lambda: None

    def run(self) -> None:
        runner = DutyRunner(
            self.engine,
            self.stopping,
            progress=self.progress,
            metrics=SchedulerMetrics(self.registry, "test"),
        )
        runner.run([Duty(NAME, 0.01, LEASE_SECONDS, self._work)])

    def _work(self) -> bool:
        answer = self.turns.pop(0)
        self.meanwhile()
        if not self.turns:
            self.stopping.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def times(self, result: str) -> float | None:
        labels = {"duty": NAME, "result": result}
        return self.registry.get_sample_value("test_scheduler_duty_seconds_count", labels)


def is_free(engine: Engine) -> bool:
    return duties.begin(engine, NAME, interval_seconds=0, lease_seconds=60) is not None


def lease_seconds_left(engine: Engine) -> float:
    left = text("SELECT extract(epoch FROM lease_until - now())::float FROM scheduler_duties")
    with engine.connect() as connection:
        return float(connection.scalar(left))


def shorten_the_lease(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE scheduler_duties SET lease_until = now()"))


def test_a_duty_that_fails_is_free_at_once_for_whoever_comes_next(engine: Engine) -> None:
    one = Round(engine, RuntimeError())
    one.run()
    assert is_free(engine)
    assert (one.times("failed"), one.times("done")) == (1.0, None)


def test_a_duty_that_fails_is_tried_again(engine: Engine) -> None:
    one = Round(engine, RuntimeError(), False)  # noqa: FBT003  what a turn answers
    one.run()
    assert (one.times("failed"), one.times("done")) == (1.0, 1.0)


def test_a_duty_goes_on_after_the_database_was_away_at_its_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = duties.end, [OperationalError("", {}, Exception())]

    def end(*args: object) -> None:
        if failures:
            raise failures.pop()
        real(*args)

    monkeypatch.setattr(duties, "end", end)
    one = Round(engine, False, False)  # noqa: FBT003  what a turn answers
    one.run()
    assert one.times("done") == 2.0
    assert is_free(engine)


def test_while_there_is_more_the_duty_goes_on_at_once_and_gives_signs_of_life(
    engine: Engine,
) -> None:
    one = Round(engine, True, True, False)  # noqa: FBT003  what a turn answers
    one.run()
    assert one.times("done") == 1.0
    assert one.progress.count == 3


def test_a_stop_is_heard_between_two_turns(engine: Engine) -> None:
    one = Round(engine, True, True, True)  # noqa: FBT003  what a turn answers
    one.meanwhile = one.stopping.set
    one.run()
    assert len(one.turns) == 2
    assert is_free(engine)


def test_each_turn_of_a_long_duty_has_a_lease_of_its_own(engine: Engine) -> None:
    one = Round(engine, True, False)  # noqa: FBT003  what a turn answers
    left: list[float] = []

    def meanwhile() -> None:
        left.append(lease_seconds_left(engine))
        shorten_the_lease(engine)

    one.meanwhile = meanwhile
    one.run()
    assert all(50 < each <= LEASE_SECONDS for each in left)
    assert len(left) == 2


def test_a_slow_scheduler_leaves_a_duty_that_another_has_begun(engine: Engine) -> None:
    slow = Round(engine, True, True)  # noqa: FBT003  what a turn answers

    def meanwhile() -> None:
        shorten_the_lease(engine)
        assert is_free(engine)
        slow.stopping.set()

    slow.meanwhile = meanwhile
    slow.run()
    assert len(slow.turns) == 1
    assert not is_free(engine)


def test_one_duty_that_fails_leaves_the_others_alone(engine: Engine) -> None:
    stopping, done = threading.Event(), threading.Event()
    metrics = SchedulerMetrics(CollectorRegistry(), "test")

    def fail() -> None:
        raise RuntimeError

    def succeed() -> None:
        done.set()
        stopping.set()

    runner = DutyRunner(engine, stopping, progress=Progress(), metrics=metrics)
    runner.run([Duty("bad", 0.01, 60, fail), Duty("good", 0.01, 60, succeed)])
    assert done.is_set()


def test_a_failure_is_logged_by_its_kind_alone(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    Round(engine, RuntimeError("ada@example.com")).run()
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    assert "ada@" not in logged
