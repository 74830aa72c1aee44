"""SIGTERM: what runs is finished and deleted, the rest goes back at once, the exit is prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

QUEUE = "leaving"


@pytest.fixture(autouse=True)
def _queues(sqs: Any) -> Any:
    sqs.control.reset()
    sqs.create(QUEUE)
    sqs.create("release")


def release(sqs: Any, count: int = 1) -> None:
    sqs.send("release", *["go"] * count)


def told(sqs: Any) -> dict[str, Any]:
    return {"release_url": sqs.url("release")}


def test_an_idle_worker_exits_at_once_although_its_long_poll_is_open(
    sqs: Any, start_worker: Any
) -> None:
    worker = start_worker(QUEUE, wait_time_seconds=20)
    sqs.control.wait_for("started:sqs.ReceiveMessage", 1)
    code, seconds = worker.stop()
    assert code == 0
    assert seconds < 2


def test_a_worker_exits_at_once_although_a_receive_is_never_answered(
    sqs: Any, start_worker: Any
) -> None:
    sqs.control.fault("sqs", "ReceiveMessage", "hang")
    worker = start_worker(QUEUE)
    sqs.control.wait_for("started:sqs.ReceiveMessage", 1)
    code, seconds = worker.stop()
    assert code == 0
    assert seconds < 2


def test_messages_that_have_not_started_are_visible_while_others_still_run(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    sqs.send(QUEUE, *(task_message("hold", str(number)) for number in range(8)))
    worker = start_worker(QUEUE, concurrency=2, told={**told(sqs), "prefetch_multiplier": 4})
    worker.wait_for("started", count=2)
    sqs.control.wait_for("started:sqs.ReceiveMessage", 1)
    assert in_flight(sqs, 8)
    worker.ask_to_stop()
    sqs.control.wait_for("calls:sqs.ChangeMessageVisibilityBatch", 1)
    queue = sqs.control.queue(QUEUE)
    assert (queue["visible"], queue["in_flight"]) == (6, 2)
    assert not worker.all("finished")

    release(sqs, 2)
    code, _ = worker.wait_for_exit()
    assert code == 0
    assert len(worker.all("finished")) == len(worker.all("started")) == 2
    queue = sqs.control.queue(QUEUE)
    assert (queue["visible"], queue["in_flight"]) == (6, 0), "two deleted, six for others"


def in_flight(sqs: Any, count: int) -> bool:
    """Wait until so many are in flight; each look follows a call that changes it."""
    while sqs.control.queue(QUEUE)["in_flight"] < count:
        sqs.wait_for_more("ReceiveMessage", 1)
    return True


def test_a_message_that_arrives_while_the_worker_drains_goes_back_at_once(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    sqs.send(QUEUE, task_message("hold", "running"))
    worker = start_worker(QUEUE, concurrency=2, wait_time_seconds=20, told=told(sqs))
    worker.wait_for("started")
    # The one that brought the task, the task's own, and the one that stays open.
    sqs.control.wait_for("started:sqs.ReceiveMessage", 3)
    worker.ask_to_stop()
    worker.wait_until(lambda _: "Warm shutdown" in worker.log())
    sqs.send(QUEUE, task_message("note", "late"))
    sqs.control.wait_for("calls:sqs.ChangeMessageVisibilityBatch", 1)
    queue = sqs.control.queue(QUEUE)
    assert (queue["visible"], queue["in_flight"]) == (1, 1)
    release(sqs)
    code, _ = worker.wait_for_exit()
    assert code == 0
    assert worker.texts("ran") == []
    assert sqs.control.queue(QUEUE)["visible"] == 1


def test_deletes_are_with_sqs_before_the_exit(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    texts = [str(number) for number in range(60)]
    sqs.send(QUEUE, *(task_message("note", text) for text in texts))
    worker = start_worker(QUEUE)
    worker.wait_for("ran", count=60)
    code, _ = worker.stop()
    assert code == 0
    assert sqs.control.queue(QUEUE)["messages"] == []
    assert sorted(worker.texts("ran")) == sorted(texts)
    assert sqs.calls("DeleteMessage") == 0
    assert sqs.calls("DeleteMessageBatch") <= 20


def test_a_worker_stopped_under_full_load_loses_nothing(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    """Each message has run and is deleted, or waits visibly for another worker: never both."""
    texts = {str(number) for number in range(600)}
    sqs.send(QUEUE, *(task_message("note", text) for text in texts))
    worker = start_worker(QUEUE, concurrency=8)
    worker.wait_for("ran", count=100)
    code, seconds = worker.stop()
    assert code == 0
    assert seconds < 3
    queue = sqs.control.queue(QUEUE)
    left = {json.loads(json.loads(m["body"])["body"])[0][0] for m in queue["messages"]}
    ran = worker.texts("ran")
    assert queue["in_flight"] == 0
    assert len(ran) == len(set(ran))
    assert set(ran) | left == texts
    assert not set(ran) & left


def test_a_worker_exits_in_bounded_time_while_sqs_is_away(
    sqs: Any, start_worker: Any, task_message: Any
) -> None:
    worker = start_worker(QUEUE, flush_at_most_seconds=1)
    sqs.control.fault("sqs", "DeleteMessageBatch", "hang")
    sqs.send(QUEUE, task_message("note", "done"))
    sqs.control.wait_for("started:sqs.DeleteMessageBatch", 1)
    code, seconds = worker.stop()
    assert code == 0
    # The bound is that of a flush, with room for a machine that is busy; SQS hangs for ever.
    assert seconds < 10
    assert "SQS was not told of 1 messages" in worker.log()
