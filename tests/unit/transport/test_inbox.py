"""Deliveries reach kombu's real event loop, in order and at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from kombu.asynchronous import Hub

from worker.transport.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


def test_deliveries_are_collected_in_the_order_in_which_they_were_posted(inbox: Any) -> None:
    inbox.post([1, 2])
    inbox.post([3])
    assert inbox.collect() == [1, 2, 3]
    assert inbox.collect() == []
    assert not inbox.wait(0), "nothing is left that would wake the collector"


def test_a_post_wakes_a_loop_that_sleeps(inbox: Any, hub: Hub) -> None:
    """Without a reader the loop would sleep 100 ms at a time, with one up to a second."""
    got: list[Any] = []
    hub.add_reader(inbox, lambda: got.extend(inbox.collect()))
    started = monotonic()
    threading.Timer(0.02, inbox.post, [["m"]]).start()
    while not got:
        hub.run_once()
    assert got == ["m"]
    assert monotonic() - started < 0.09


def test_nothing_is_lost_between_many_threads_and_the_loop(inbox: Any, hub: Hub) -> None:
    got: list[Any] = []
    hub.add_reader(inbox, lambda: got.extend(inbox.collect()))

    def post(thread: int) -> None:
        for number in range(500):
            inbox.post([(thread, number)])

    with ThreadPoolExecutor(4) as threads:
        list(map(threads.submit, [post] * 4, range(4)))
        while len(got) < 2000:
            hub.run_once()
    assert len(set(got)) == 2000
    for thread in range(4):
        assert [number for who, number in got if who == thread] == list(range(500))


def test_waking_a_full_or_closed_inbox_does_no_harm(inbox: Any) -> None:
    for _ in range(100_000):
        inbox.wake()
    inbox.close()
    inbox.wake()
