"""What the database does not get done is tried again, in smaller parts, and nothing twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import exc

from config.health import Progress
from consumers import applying, batches
from consumers.applying import Applier
from consumers.backoff import Patience
from consumers.batches import Batch, Understood
from consumers.in_hand import Delivery, Hand
from consumers.metrics import Metrics
from consumers.queues import QueueMessage
from db.event_types import Applied


class Deleters:
    """Notes what it is told to delete."""

    def __init__(self) -> None:
        self.deleted: list[QueueMessage] = []

    def delete(self, _queue: Any, messages: list[QueueMessage]) -> None:
        self.deleted += messages


class Impatient(threading.Event):
    """Waits not at all."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


@pytest.fixture
def deleters() -> Deleters:
    return Deleters()


@pytest.fixture
def applier(deleters: Deleters) -> Applier:
    metrics, stopping = Metrics(CollectorRegistry(), "ns"), Impatient()
    anything: Any = deleters
    return Applier(
        anything,
        Hand(hidden_seconds=180),
        anything,
        metrics,
        patience=Patience("applier", metrics, Progress(), stopping),
        stopping=stopping,
    )


def delivery(count: int) -> Delivery:
    anything: Any = None
    messages = [QueueMessage(str(n), str(n), "", datetime.now(UTC)) for n in range(count)]
    events: Any = [Understood(each, each) for each in messages]  # type: ignore[arg-type]
    return Delivery(anything, Batch(events=events), messages, is_deep=True, received_at=0.0)


def too_slow() -> exc.OperationalError:
    return exc.OperationalError("INSERT", {}, psycopg.errors.QueryCanceled())


def test_what_is_too_much_for_one_transaction_is_done_in_smaller_ones(
    applier: Applier, deleters: Deleters, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def store(_engine: Any, events: list[Any], *_: Any) -> Applied:
        if len(events) > 100:
            raise too_slow()
        done.extend(int(each.id) for each in events)
        return Applied([], [], [], [], [])

    monkeypatch.setattr(batches, "apply", store)
    applier._settle([delivery(500)])
    assert sorted(done) == list(range(500))
    assert len(deleters.deleted) == 500


def test_nothing_is_deleted_while_a_part_is_not_applied(
    applier: Applier, deleters: Deleters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(_engine: Any, events: list[Any], *_: Any) -> Applied:
        assert deleters.deleted == []
        if events[0].id != "0":
            applier._stopping.set()
            raise too_slow()
        return Applied([], [], [], [], [])

    monkeypatch.setattr(batches, "apply", store)
    monkeypatch.setattr(applying, "MOST_AT_ONCE", 20)
    applier._at_once = 10
    applier._round([delivery(40)])
    assert deleters.deleted == []
