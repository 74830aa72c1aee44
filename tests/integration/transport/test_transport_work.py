"""Day to day: heartbeat, limits, gates, failures, retries, and what may be logged."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

QUEUE, OTHER = "daily", "other"


@pytest.fixture(autouse=True)
def _queues(sqs: Any) -> None:
    sqs.control.reset()
    sqs.create(QUEUE, max_receives=3)
    sqs.create(OTHER)
    sqs.create("release")


def told(sqs: Any, **more: object) -> dict[str, Any]:
    return {"release_url": sqs.url("release"), **more}


def test_a_task_longer_than_the_visibility_timeout_is_not_given_to_anyone_else(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    sqs.send(QUEUE, task_message("hold", "long"), task_message("hold", "prefetched"))
    worker = start_worker(
        QUEUE, concurrency=1, visibility_timeout_seconds=1, told=told(sqs, prefetch_multiplier=3)
    )
    worker.wait_for("started")
    # Each beat is half a timeout after the one before.
    sqs.control.wait_for("calls:sqs.ChangeMessageVisibilityBatch", 6, timeout_seconds=20)
    held = sqs.control.queue(QUEUE)["messages"]
    assert [(m["state"], m["receive_count"]) for m in held] == [("in_flight", 1)] * 2
    sqs.send("release", "go", "go")
    sqs.wait_until_empty(QUEUE)
    code, _ = worker.stop()
    assert code == 0
    assert sorted(worker.texts("finished")) == ["long", "prefetched"]


def test_all_queues_together_hold_no_more_than_the_prefetch_limit(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    for name in (QUEUE, OTHER):
        sqs.send(name, *(task_message("hold", f"{name} {number}") for number in range(6)))
    worker = start_worker(QUEUE, OTHER, concurrency=2, told=told(sqs))
    held = []
    for done in range(12):
        worker.wait_for("started", count=min(done + 2, 12))
        held.append(held_of(sqs, 12 - done))
        sqs.send("release", "go")
        worker.wait_for("finished", count=done + 1)
    assert max(held) == 4
    for name in (QUEUE, OTHER):
        sqs.wait_until_empty(name)
    assert worker.stop()[0] == 0


def held_of(sqs: Any, left: int) -> int:
    """How many of the `left` messages are in flight, once the others have been deleted."""
    deadline = monotonic() + 10
    while monotonic() < deadline:
        messages = [m for name in (QUEUE, OTHER) for m in sqs.control.queue(name)["messages"]]
        if len(messages) == left:
            return sum(message["state"] == "in_flight" for message in messages)
    raise AssertionError(f"{len(messages)} messages are left, not {left}")


def test_a_shut_gate_keeps_messages_in_the_queue_uncounted(
    sqs: Any, start_worker: Any, task_message: Any, tmp_path: Any
) -> None:
    gate = tmp_path / "shut"
    gate.touch()
    sqs.send(QUEUE, task_message("note", "waiting"))
    worker = start_worker(QUEUE, told=told(sqs, shut_while_exists=str(gate)))
    worker.wait_for("asked", count=2)
    (message,) = sqs.control.queue(QUEUE)["messages"]
    assert message["receive_count"] == 0
    gate.unlink()
    worker.wait_for("ran", text="waiting")
    assert worker.stop()[0] == 0


def test_failures_returns_and_retries(sqs: Any, start_worker: Any, task_message: Any) -> None:
    sqs.send(
        QUEUE,
        task_message("fail", "fails"),
        task_message("exit", "exits"),
        task_message("exit", "out of memory"),
        task_message("later", "later", 1),
        task_message("again", "again"),
    )
    worker = start_worker(QUEUE, wait_time_seconds=2, rejected_visibility_seconds=0)
    sqs.wait_until_empty(QUEUE)
    for text in ("fails", "exits", "out of memory"):
        assert [told["receives"] for told in worker.all("ran", text=text)] == [1, 2, 3]
    assert sqs.control.queue(f"{QUEUE}-dlq")["visible"] == 3
    assert [told["receives"] for told in worker.all("ran", text="later")] == [1, 2]
    assert [told["retries"] for told in worker.all("ran", text="again")] == [0, 1]
    assert worker.stop()[0] == 0


def test_celery_logs_nothing_of_the_arguments_even_when_it_debugs(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    secret = "ada@example.com"
    headers = {"task": "fail", "id": "1", "argsrepr": secret, "kwargsrepr": secret}
    sqs.send(
        QUEUE,
        task_message("hold", secret),
        task_message("fail", secret, headers=headers),
        task_message("gone", secret),
        {"Message": secret},
        secret,
    )
    sqs.send("release", "go")
    worker = start_worker(
        QUEUE,
        wait_time_seconds=1,
        rejected_visibility_seconds=0,
        refused_visibility_seconds=0,
        told=told(sqs, log_level="DEBUG", quiet=["botocore", "urllib3"]),
    )
    sqs.wait_until_empty(QUEUE)
    assert worker.stop()[0] == 0
    lines = [line for line in worker.output if not line.startswith("@")]
    assert any("TaskPool: Apply" in line for line in lines), "it does debug"
    assert not [line for line in lines if secret in line]
