"""The process's side of pacing: one open question to the schedule, no token wasted."""

from __future__ import annotations

import threading

import pytest

from db.pacing import Full, NoRate, Reserved
from worker.pacer import Pacer
from worker.stopping import StoppingError


class Schedule:
    """Answers reservations from a list, and notes what was asked."""

    def __init__(self, *answers: Reserved | Full | NoRate) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    def reserve(self, tokens: int) -> Reserved | Full | NoRate:
        self.asked.append(tokens)
        return self.answers.pop(0) if self.answers else Reserved(0.0)


class Waits(threading.Event):
    """A stop signal that never comes, and notes the waits instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def test_one_token_is_asked_for_each_recipient() -> None:
    schedule = Schedule()
    Pacer(schedule.reserve, Waits()).acquire(50)
    assert schedule.asked == [50]


def test_it_waits_as_long_as_the_schedule_says() -> None:
    waits = Waits()
    Pacer(Schedule(Reserved(0.25)).reserve, waits).acquire(1)
    assert waits.waited == [0.25]


def test_a_full_schedule_is_asked_again_once_there_is_room() -> None:
    schedule, waits = Schedule(Full(0.5), Reserved(1.0)), Waits()
    Pacer(schedule.reserve, waits).acquire(1)
    assert schedule.asked == [1, 1]
    assert waits.waited == [0.5, 1.0]


def test_an_account_whose_rate_nobody_knows_sends_nothing_yet() -> None:
    schedule = Schedule(NoRate(), NoRate(), Reserved(0.0))
    Pacer(schedule.reserve, Waits()).acquire(1)
    assert schedule.asked == [1, 1, 1]


def test_tokens_of_a_message_that_was_not_sent_serve_the_next_one() -> None:
    schedule = Schedule()
    pacer = Pacer(schedule.reserve, Waits())
    pacer.give_back(3)
    pacer.acquire(2)
    pacer.acquire(2)
    assert schedule.asked == [1]


def test_a_process_that_stops_does_not_wait_for_its_token() -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(StoppingError):
        Pacer(Schedule(Reserved(60.0)).reserve, stopping).acquire(1)
