"""What is in hand is bounded, and joined into large batches without making an event wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers import in_hand
from consumers.batches import Batch
from consumers.in_hand import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    LEAST_IN_HAND,
    MOST_BYTES_IN_HAND,
    MOST_IN_HAND,
    Delivery,
    Hand,
)
from consumers.queues import QueueMessage
from consumers.tide import Tide


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_hand, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr("consumers.tide.LOOK_SECONDS", 0.0)


def messages(count: int, *, body: str = "") -> list[QueueMessage]:
    return [QueueMessage(str(n), str(n), body, datetime.now(UTC)) for n in range(count)]


def delivery(
    count: int, *, is_deep: bool = False, age_seconds: float = 0.0, body: str = ""
) -> Delivery:
    queue: Any = None
    written = messages(count, body=body)
    return Delivery(queue, Batch(), written, is_deep, time.monotonic() - age_seconds)


def sizes(deliveries: list[Delivery]) -> list[int]:
    return [len(each.messages) for each in deliveries]


def test_what_several_receives_brought_is_taken_together() -> None:
    hand = Hand(hidden_seconds=180)
    for count in (10, 10, 3):
        hand.put(delivery(count))
    assert sizes(hand.take()) == [10, 10, 3]


def test_a_batch_has_an_end() -> None:
    hand = Hand(hidden_seconds=180)
    for _ in range(BATCH_MESSAGES // 10 + 5):
        hand.put(delivery(10, is_deep=True))
    assert sum(sizes(hand.take())) == BATCH_MESSAGES
    assert sum(sizes(hand.take())) == 50


def test_an_event_does_not_wait_for_company_beyond_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_hand, "LINGER_SECONDS", 3600.0)
    hand = Hand(hidden_seconds=180)
    hand.put(delivery(10, is_deep=True, age_seconds=3600.0))
    assert sizes(hand.take()) == [10]


def test_while_the_queue_is_quiet_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_hand, "LINGER_SECONDS", 3600.0)
    hand = Hand(hidden_seconds=180)
    hand.put(delivery(1))
    assert sizes(hand.take()) == [1]


def test_there_is_room_until_so_many_are_in_hand_and_again_when_they_are_deleted() -> None:
    hand = Hand(hidden_seconds=180)
    hand.put(delivery(MOST_IN_HAND))
    hand.take()
    assert not hand.wait_for_room()
    hand.done(messages(10))
    assert hand.wait_for_room()


def test_with_a_slow_database_less_is_in_hand_than_sqs_hides_long_enough() -> None:
    hand = Hand(hidden_seconds=180)
    hand.took(500, 100.0)  # in 45 s of the 180: 225
    hand.put(delivery(230))
    assert not hand.wait_for_room()
    hand.took(500, 1e6)
    hand.take()
    hand.done(messages(230 - LEAST_IN_HAND + 1))
    assert hand.wait_for_room()


def test_what_is_in_hand_is_not_empty_until_it_is_deleted() -> None:
    hand = Hand(hidden_seconds=180)
    assert hand.wait_until_empty()
    hand.put(delivery(2))
    hand.take()
    assert not hand.wait_until_empty()
    hand.done(messages(2))
    assert hand.wait_until_empty()


def test_when_closed_it_is_exhausted_only_after_the_last_was_taken() -> None:
    hand = Hand(hidden_seconds=180)
    hand.put(delivery(1))
    hand.close()
    assert not hand.is_exhausted
    hand.take()
    assert hand.is_exhausted


LARGE = "x" * 262_144


def test_large_events_fill_the_hand_by_their_bytes() -> None:
    hand, count = Hand(hidden_seconds=180), MOST_BYTES_IN_HAND // len(LARGE)
    hand.put(delivery(count - 2, body=LARGE))
    assert hand.wait_for_room()
    hand.put(delivery(2, body=LARGE))
    assert not hand.wait_for_room()
    hand.done(messages(2, body=LARGE))
    assert hand.wait_for_room()


def test_a_batch_of_large_events_has_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_hand, "LINGER_SECONDS", 3600.0)
    hand = Hand(hidden_seconds=180)
    for _ in range(2 * BATCH_BYTES // len(LARGE) // 8):
        hand.put(delivery(8, is_deep=True, body=LARGE))
    assert sum(sizes(hand.take())) == BATCH_BYTES // len(LARGE)


def test_an_event_larger_than_a_batch_is_taken_all_the_same() -> None:
    hand = Hand(hidden_seconds=180)
    hand.put(delivery(1, body=LARGE * 64))
    assert sizes(hand.take()) == [1]


def test_full_receives_wake_pollers_and_poor_ones_send_them_to_sleep() -> None:
    tide = Tide(3)
    assert tide.wait_for_work(0)
    assert not tide.wait_for_work(1)
    for _ in range(5):
        tide.note(10)
    assert tide.wait_for_work(2)
    tide.note(7)
    assert tide.wait_for_work(2)
    tide.note(0)
    assert not tide.wait_for_work(2)
    assert tide.wait_for_work(1)
