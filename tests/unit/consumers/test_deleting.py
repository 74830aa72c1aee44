"""What is applied is deleted, whatever becomes of the deletes of other queues."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from config.health import Progress
from consumers.backoff import Patience
from consumers.deleting import CALLS_AT_ONCE, Deleters
from consumers.in_hand import Hand
from consumers.metrics import Metrics
from consumers.queues import QueueMessage
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Queue:
    """Deletes as soon as it answers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers = threading.Event()
        self.asked: list[object] = []
        self.deleted: list[object] = []

    def groups(self, messages: Sequence[object]) -> Iterator[Sequence[object]]:
        for each in messages:
            yield [each]

    def delete(self, messages: Sequence[object]) -> list[object]:
        self.asked += messages
        self.answers.wait(10)
        self.deleted += messages
        return []


def test_a_queue_that_does_not_answer_holds_up_no_deletes_of_another() -> None:
    silent, well = Queue("silent"), Queue("well")
    well.answers.set()
    queues: Any = [silent, well]
    metrics = Metrics(CollectorRegistry(), "ns")
    patience = Patience("deleter", metrics, Progress(), threading.Event())
    deleters = Deleters(Hand(hidden_seconds=180), patience, queues)
    deleters.start()
    now = datetime.now(UTC)
    more_than_its_threads = [QueueMessage(str(n), "", "", now) for n in range(2 * CALLS_AT_ONCE)]
    deleters.delete(queues[0], more_than_its_threads)
    until(lambda: len(silent.asked) == CALLS_AT_ONCE, "all its threads wait")
    deleters.delete(queues[1], more_than_its_threads)
    until(lambda: len(well.deleted) == len(more_than_its_threads), "the other is deleted from")
    assert silent.deleted == []
    silent.answers.set()
    deleters.close()
    for thread in deleters.threads:
        thread.join(10)
    assert len(silent.deleted) == len(more_than_its_threads)
