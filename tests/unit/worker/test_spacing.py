"""Calls to SES keep their distance, and a longer one while SES throttles."""

from __future__ import annotations

import pytest

from worker.ses import spacing
from worker.ses.spacing import LONGEST_SECONDS, USUAL_SECONDS, Spacing


class Time:
    """A clock that moves only by waiting; stands for the event that ends the process too."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stops = False

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.stops


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(spacing, "time", made)
    return made


def distances(clock: Time, made: Spacing, *answers: str) -> list[float]:
    """How long is waited before each of the calls that end so."""
    waited = []
    for answer in answers:
        before = clock.now
        made.wait()
        waited.append(clock.now - before)
        getattr(made, answer)()
    return waited


def test_no_two_calls_are_closer_than_ses_allows_and_the_first_is_not_at_once(clock: Time) -> None:
    made = Spacing(clock)  # type: ignore[arg-type]
    assert distances(clock, made, "called", "called", "called") == pytest.approx(
        [USUAL_SECONDS] * 3
    )
    assert USUAL_SECONDS >= 1.0


def test_the_time_between_calls_that_passed_by_itself_is_not_waited_again(clock: Time) -> None:
    made = Spacing(clock)  # type: ignore[arg-type]
    clock.now += 10.0
    assert distances(clock, made, "called") == [0.0]


def test_a_throttle_doubles_the_distance_up_to_the_longest_and_calls_bring_it_back(
    clock: Time,
) -> None:
    made = Spacing(clock, seconds=1.0)  # type: ignore[arg-type]
    throttles = ["throttled"] * 6
    assert distances(clock, made, *throttles) == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_SECONDS]
    assert made.throttled_in_a_row == 6
    calls = ["called"] * 6
    assert distances(clock, made, *calls) == [LONGEST_SECONDS, 8.0, 4.0, 2.0, 1.0, 1.0]
    assert made.throttled_in_a_row == 0


def test_a_process_that_is_to_stop_makes_no_further_call(clock: Time) -> None:
    clock.stops = True
    assert not Spacing(clock).wait()  # type: ignore[arg-type]
