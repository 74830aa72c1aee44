"""Many messages that cannot be proved take no room, and no time, of those that can."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from prometheus_client import CollectorRegistry

from config.health import Progress
from consumers import proving
from consumers.backoff import Patience
from consumers.errors import CertificateUnavailableError
from consumers.in_hand import Hand
from consumers.metrics import Metrics
from consumers.proving import MOST_BYTES_WAITING, MOST_WAITING, Prover
from consumers.queues import QueueMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.fields import Json


@dataclass
class Queue:
    """Can prove nothing while its host is away."""

    name: str = "events"
    is_away: bool = True
    hidden: list[QueueMessage] = field(default_factory=list)

    def admit_fetching(self, _envelope: Json | None, _sent_at: datetime) -> None:
        if self.is_away:
            raise CertificateUnavailableError

    def hide_longer(self, messages: Sequence[QueueMessage]) -> None:
        self.hidden += messages


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def hand() -> Hand:
    return Hand(hidden_seconds=180)


@pytest.fixture
def prover(queue: Queue, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> Prover:
    monkeypatch.setattr(proving, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(proving, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(proving, "FIRST_FETCH_SECONDS", 0.0)
    metrics, of_queue = Metrics(CollectorRegistry(), "ns"), cast("Any", queue)
    patience = Patience("prover", metrics, Progress(), threading.Event())
    return Prover(of_queue, hand, metrics, patience=patience, within_seconds=3600)


def messages(count: int, *, filling: str = "") -> list[QueueMessage]:
    body = json.dumps({"eventType": "Send", "mail": {"messageId": "m"}, "filling": filling})
    return [QueueMessage(str(n), str(n), body, datetime.now(UTC)) for n in range(count)]


def test_what_waits_for_a_certificate_takes_no_room(prover: Prover, hand: Hand) -> None:
    prover.put(messages(MOST_WAITING))
    assert hand.held == MOST_WAITING
    assert hand.wait_for_room()


def test_no_more_than_so_many_wait_and_the_rest_is_left_on_the_queue(
    prover: Prover, queue: Queue, hand: Hand
) -> None:
    prover.put(messages(MOST_WAITING))
    prover._round()
    prover.put(messages(10))
    assert (hand.held, len(queue.hidden)) == (MOST_WAITING, 10)


def test_large_events_wait_in_a_smaller_number(prover: Prover, queue: Queue, hand: Hand) -> None:
    large = messages(2, filling="x" * (MOST_BYTES_WAITING // 2))
    prover.put(large)
    prover._round()
    prover.put(messages(10))
    assert (hand.held, len(queue.hidden)) == (2, 10)


def test_what_waited_is_handed_over_when_the_host_is_back(
    prover: Prover, queue: Queue, hand: Hand
) -> None:
    prover.put(messages(25))
    prover._round()
    assert hand.held == 25
    queue.is_away = False
    prover._round()
    assert sum(len(each.messages) for each in hand.take()) == 25
    hand.done(messages(25))
    assert hand.held == 0


def test_what_waited_too_long_is_left_on_the_queue_and_no_longer_in_hand(
    prover: Prover, queue: Queue, hand: Hand
) -> None:
    prover._within_seconds = -1.0
    prover.put(messages(25))
    prover._round()
    assert (hand.held, len(queue.hidden)) == (0, 25)
    assert hand.wait_until_empty()


def test_a_defect_in_proving_leaves_nothing_in_hand(
    prover: Prover, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(proving, "understand", fail)
    prover.put(messages(5))
    prover._round()
    assert hand.held == 0
