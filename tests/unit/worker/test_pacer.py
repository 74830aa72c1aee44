"""The process's side of pacing: one open question to the schedule, no token wasted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from db.pacing import (
    CATCH_UP_SECONDS,
    RETURNED_AT_ONCE,
    RETURNED_PER_SECOND,
    Full,
    NoRate,
    Reserved,
)
from worker.pacer import (
    BLOCK_SECONDS,
    LAPSED_WITHIN_SECONDS,
    PLACES_SECONDS,
    Pacer,
    Slot,
    late_at_most_seconds,
)
from worker.round_trips import USUAL_SPREAD_SECONDS
from worker.stopping import StoppingError

STEP_SECONDS = 0.001
# As far ahead as any stream looks.
AHEAD_SECONDS = 0.5
LATE_SECONDS = 0.5


class Schedule:
    """Answers reservations from a list, and notes what was asked."""

    def __init__(self, *answers: Reserved | Full | NoRate) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self.told_lapsed: list[int] = []

    def reserve(self, tokens: int, lapsed: int) -> Reserved | Full | NoRate:
        self.asked.append(tokens)
        self.told_lapsed.append(lapsed)
        return self.answers.pop(0) if self.answers else Reserved(0.0, STEP_SECONDS)


class Waits(threading.Event):
    """A stop signal that never comes, and notes the waits instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def paced(schedule: Schedule, stopping: threading.Event | None = None) -> Pacer:
    return Pacer(schedule.reserve, stopping or Waits(), late_at_most_seconds=LATE_SECONDS)


def test_one_token_is_asked_for_each_recipient() -> None:
    schedule = Schedule()
    paced(schedule).reserve(50)
    assert schedule.asked == [50]


def test_the_slot_comes_when_the_schedule_says() -> None:
    waits = Waits()
    pacer = paced(Schedule(Reserved(0.25, STEP_SECONDS)), waits)
    slot = pacer.reserve(1)
    assert slot is not None
    pacer.wait_for(slot)
    assert waits.waited == [pytest.approx(0.25, abs=0.05)]


def test_a_full_schedule_is_asked_again_once_there_is_room() -> None:
    schedule, waits = Schedule(Full(0.5), Reserved(1.0, STEP_SECONDS)), Waits()
    paced(schedule, waits).reserve(1)
    assert schedule.asked == [1, 1]
    assert waits.waited == [0.5]


def test_an_account_whose_rate_nobody_knows_sends_nothing_yet() -> None:
    schedule = Schedule(NoRate(), NoRate())
    paced(schedule).reserve(1)
    assert schedule.asked == [1, 1, 1]


def test_a_slot_whose_moment_has_passed_is_not_used_late() -> None:
    pacer = paced(Schedule())
    now = time.monotonic()
    assert pacer.wait_for(Slot(now, 1, STEP_SECONDS))
    assert not pacer.wait_for(Slot(now - 2 * LATE_SECONDS, 1, STEP_SECONDS))


def test_a_token_that_lapsed_goes_back_to_the_schedule_once() -> None:
    schedule = Schedule(Reserved(0.0, STEP_SECONDS), Full(0.1))
    pacer = paced(schedule)
    pacer.reserve(1)
    assert not pacer.wait_for(Slot(time.monotonic() - 2 * LATE_SECONDS, 3, STEP_SECONDS))
    pacer.reserve(1)
    pacer.reserve(1)
    assert schedule.told_lapsed == [0, 3, 3, 0]


def test_a_token_that_lapsed_long_ago_is_lost() -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    pacer.wait_for(Slot(time.monotonic() - 2 * LATE_SECONDS, 1, STEP_SECONDS))
    pacer._lapsed_since -= 2 * LAPSED_WITHIN_SECONDS
    pacer.reserve(1)
    assert schedule.told_lapsed == [0]


def answering_after(pacer: Pacer, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let time stand still but for the schedule, whose answers take so long."""
    clock, answers = [time.monotonic()], iter(seconds)
    asked = pacer._reserve

    def reserve(tokens: int, lapsed: int) -> Reserved | Full | NoRate:
        clock[0] += next(answers)
        return asked(tokens, lapsed)

    pacer._reserve = reserve
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])


def test_tokens_told_of_late_lapse_as_much_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    pacer = paced(Schedule())
    answering_after(pacer, monkeypatch, 0.0, LATE_SECONDS / 2)
    usual, late = pacer.reserve(1), pacer.reserve(1)
    assert usual is not None
    assert late is not None
    lapse = [pacer._lapses_at(each) - each.at for each in (usual, late)]
    assert lapse[0] == pytest.approx(LATE_SECONDS)
    assert lapse[1] == pytest.approx(LATE_SECONDS / 2 + USUAL_SPREAD_SECONDS)


def test_tokens_told_of_too_late_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    answering_after(pacer, monkeypatch, 0.0, 2 * LATE_SECONDS, 0.0)
    pacer.reserve(1)
    pacer.reserve(1)
    assert schedule.asked == [1, 1, 1]
    assert schedule.told_lapsed == [0, 0, 1]


def test_a_database_that_has_become_slow_costs_one_reservation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    answering_after(pacer, monkeypatch, 0.0, 2 * LATE_SECONDS, 2 * LATE_SECONDS)
    pacer.reserve(1)
    slot = pacer.reserve(1)
    assert slot is not None
    assert pacer.wait_for(slot)
    assert schedule.asked == [1, 1, 1]


def test_a_slot_that_is_to_be_used_in_any_case_is_no_lapse() -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    late = Slot(time.monotonic() - 2 * LATE_SECONDS, 1, STEP_SECONDS)
    assert pacer.wait_for(late, however_late=True)
    pacer.reserve(1)
    assert schedule.told_lapsed == [0]


def test_a_database_that_is_always_far_away_still_gives_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    answering_after(pacer, monkeypatch, *[2 * LATE_SECONDS] * 3)
    for _ in range(3):
        slot = pacer.reserve(1)
        assert slot is not None
        assert pacer.wait_for(slot)
    assert schedule.told_lapsed == [0, 0, 0]


@pytest.mark.parametrize("utilisation", [0.5, 0.9, 0.98])
def test_tokens_used_as_late_as_may_be_still_fit_into_the_accounts_second(
    utilisation: float,
) -> None:
    on_time = utilisation * (1 + CATCH_UP_SECONDS + late_at_most_seconds(utilisation))
    anew_within = LAPSED_WITHIN_SECONDS + BLOCK_SECONDS + AHEAD_SECONDS
    anew = (1 - utilisation) * (RETURNED_AT_ONCE + RETURNED_PER_SECOND * anew_within)
    assert on_time + anew < 1


def test_a_token_that_nobody_used_for_long_is_not_used_late() -> None:
    schedule = Schedule()
    pacer = paced(schedule)
    pacer._slots.append(Slot(time.monotonic() - 1.0, 1, STEP_SECONDS))
    pacer.reserve(1)
    assert schedule.asked == [1]


def test_a_message_that_may_not_leave_any_more_takes_no_token() -> None:
    schedule = Schedule(Full(0.5))
    assert paced(schedule).reserve(1, not_after=time.monotonic() - 1) is None
    assert schedule.asked == []


def test_no_more_messages_are_on_their_way_than_the_schedule_has_tokens_for() -> None:
    pacer = paced(Schedule(Reserved(0.0, PLACES_SECONDS / 3)))
    pacer.reserve(1)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(pacer.place())
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(lambda: places.enter_context(pacer.place()))
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
            with pacer._left:
                pacer._inside -= 1
                pacer._left.notify()
            waiting.result(timeout=5)
            pacer._inside += 1


def test_a_process_that_stops_does_not_wait_for_a_place() -> None:
    stopping = threading.Event()
    pacer = paced(Schedule(), stopping)
    stopping.set()
    with pacer.place(), pacer.place(), pytest.raises(StoppingError), pacer.place():
        pass


def test_threads_that_wait_together_are_served_by_one_question() -> None:
    released = threading.Event()
    schedule = Schedule()
    pacer = paced(schedule)
    pacer.reserve(1)

    def hold_the_first(tokens: int, lapsed: int) -> Reserved | Full | NoRate:
        released.wait(5)
        return schedule.reserve(tokens, lapsed)

    pacer._reserve = hold_the_first
    slots: list[Any] = []
    threads = [threading.Thread(target=lambda: slots.append(pacer.reserve(1))) for _ in range(5)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while pacer._wanted < 5 and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    released.set()
    for thread in threads:
        thread.join()
    assert sum(schedule.asked) >= 6
    assert len(schedule.asked) <= 3
    assert len({slot.at for slot in slots}) == 5


def test_a_process_that_stops_does_not_wait_for_its_slot() -> None:
    stopping = threading.Event()
    stopping.set()
    pacer = paced(Schedule(Reserved(60.0, STEP_SECONDS)), stopping)
    slot = pacer.reserve(1)
    assert slot is not None
    with pytest.raises(StoppingError):
        pacer.wait_for(slot)
