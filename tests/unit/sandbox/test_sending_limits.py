"""The simulated account's rate and day, against a clock that passes when told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.ses.limits import DAY_SECONDS, RateLimit, RollingDay


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admitted(rate: RateLimit, per_second: float, recipients: int = 1) -> bool:
    if not rate.has_room(per_second):
        return False
    rate.draw(recipients, per_second)
    return True


def test_a_full_second_may_be_sent_at_once(clock: Clock) -> None:
    rate = RateLimit(clock)

    assert [admitted(rate, 3) for _ in range(4)] == [True, True, True, False]


def test_tokens_come_back_with_time(clock: Clock) -> None:
    rate = RateLimit(clock)
    for _ in range(10):
        admitted(rate, 10)

    clock.now += 0.1

    assert admitted(rate, 10)
    assert not admitted(rate, 10)


def test_five_recipients_at_one_a_second_owe_five_seconds(clock: Clock) -> None:
    rate = RateLimit(clock)
    assert admitted(rate, 1, recipients=5)

    clock.now += 4.9
    assert not admitted(rate, 1)
    clock.now += 0.2
    assert admitted(rate, 1)


def test_an_idle_hour_saves_up_one_second_only(clock: Clock) -> None:
    rate = RateLimit(clock)
    clock.now += 3600

    assert sum(admitted(rate, 5) for _ in range(100)) == 5


@given(
    st.lists(st.floats(min_value=0, max_value=0.5), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=50),
)
def test_never_more_than_the_burst_and_the_rate(pauses: list[float], per_second: int) -> None:
    clock = Clock()
    rate = RateLimit(clock)
    accepted = 0
    for pause in pauses:
        clock.now += pause
        accepted += admitted(rate, per_second)

    assert accepted <= per_second + per_second * sum(pauses) + 1


def test_a_day_counts_what_lies_within_it(clock: Clock) -> None:
    day = RollingDay(clock)
    day.add(3)
    clock.now += 3600
    day.add(4)

    assert day.total() == 7
    clock.now += DAY_SECONDS - 3600
    assert day.total() == 4
    clock.now += 3600
    assert day.total() == 0
