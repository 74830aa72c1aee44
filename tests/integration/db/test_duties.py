"""Any number of schedulers run; each duty is done by one of them at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import duties

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine


def begin(engine: Engine, *, interval: float = 0.0, lease: float = 60.0) -> datetime | None:
    return duties.begin(engine, "sweep", interval_seconds=interval, lease_seconds=lease)


def begun(engine: Engine, *, lease: float = 60.0) -> datetime:
    begun_at = begin(engine, lease=lease)
    assert begun_at is not None
    return begun_at


def test_a_duty_is_done_by_one_at_a_time(engine: Engine) -> None:
    begun_at = begun(engine)
    assert begin(engine) is None
    duties.end(engine, "sweep", begun_at)
    assert begin(engine) is not None


def test_a_duty_is_not_begun_again_before_its_interval(engine: Engine) -> None:
    duties.end(engine, "sweep", begun(engine))
    assert begin(engine, interval=60) is None


def test_the_duty_of_a_scheduler_that_died_passes_on(engine: Engine) -> None:
    begun(engine, lease=0)
    assert begin(engine) is not None


def test_the_late_end_of_a_slow_scheduler_does_not_end_the_turn_of_the_next(
    engine: Engine,
) -> None:
    slow = begun(engine, lease=0)
    begun(engine)
    duties.end(engine, "sweep", slow)
    assert begin(engine) is None


def test_a_duty_that_takes_longer_stays_with_whoever_does_it(engine: Engine) -> None:
    begun_at = begun(engine, lease=0)
    assert duties.renew(engine, "sweep", begun_at, lease_seconds=60)
    assert begin(engine) is None


def test_a_duty_that_was_lost_cannot_be_renewed(engine: Engine) -> None:
    slow = begun(engine, lease=0)
    begun(engine, lease=0)
    assert not duties.renew(engine, "sweep", slow, lease_seconds=60)
    assert begin(engine) is not None


def test_duties_do_not_stand_in_each_others_way(engine: Engine) -> None:
    begun(engine)
    assert duties.begin(engine, "account", interval_seconds=0, lease_seconds=60) is not None
