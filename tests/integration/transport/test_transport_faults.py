"""Whatever SQS does, the worker goes on by itself once it is over. One worker lives through all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE = "faulty"

ERRORS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "code": "ServiceUnavailable"},
    "cut": {"kind": "cut"},
    "throttled": {"kind": "status", "status": 400, "code": "RequestThrottled"},
    "expired token": {"kind": "status", "status": 403, "code": "ExpiredToken"},
    "access denied": {"kind": "status", "status": 403, "code": "AccessDeniedException"},
    "no such queue": {
        "kind": "status",
        "status": 400,
        "code": "AWS.SimpleQueueService.NonExistentQueue",
    },
}


@pytest.fixture(scope="module")
def worker(sqs: Any, start_worker_for_all: Callable[..., Any]) -> Any:
    sqs.create(QUEUE)
    return start_worker_for_all(QUEUE, wait_time_seconds=1, told={"read_timeout_seconds": 2})


@pytest.mark.parametrize("error", ERRORS)
def test_receiving_comes_back_after_errors(
    sqs: Any, worker: Any, task_message: Any, error: str
) -> None:
    sqs.control.fault("sqs", "ReceiveMessage", **ERRORS[error])
    sqs.wait_for_more("ReceiveMessage", 2)
    sqs.send(QUEUE, task_message("note", error))
    assert not worker.all("ran", text=error)
    sqs.control.clear_faults()
    worker.wait_for("ran", text=error)
    sqs.wait_until_empty(QUEUE)


def test_receiving_comes_back_after_a_call_that_is_never_answered(
    sqs: Any, worker: Any, task_message: Any
) -> None:
    """Nothing cuts the connection: only the client's own time-out ends the wait."""
    sqs.control.fault("sqs", "ReceiveMessage", "hang", times=1)
    sqs.wait_for_more("ReceiveMessage", 1)
    sqs.send(QUEUE, task_message("note", "after a hang"))
    worker.wait_for("ran", text="after a hang")
    sqs.control.clear_faults()
    sqs.wait_until_empty(QUEUE)


@pytest.mark.parametrize("error", ERRORS)
def test_deleting_is_repeated_until_it_works(
    sqs: Any, worker: Any, task_message: Any, error: str
) -> None:
    text = f"delete {error}"
    sqs.control.fault("sqs", "DeleteMessageBatch", **ERRORS[error])
    before = sqs.calls("DeleteMessageBatch")
    sqs.send(QUEUE, task_message("note", text))
    worker.wait_for("ran", text=text)
    sqs.control.wait_for("started:sqs.DeleteMessageBatch", before + 2)
    sqs.control.clear_faults()
    sqs.wait_until_empty(QUEUE)
    assert len(worker.all("ran", text=text)) == 1


def test_a_delete_whose_answer_is_lost_is_repeated_without_harm(
    sqs: Any, worker: Any, task_message: Any
) -> None:
    sqs.control.fault("sqs", "DeleteMessageBatch", "lose_answer", times=1)
    before = sqs.calls("DeleteMessageBatch")
    sqs.send(QUEUE, task_message("note", "lost"))
    sqs.control.wait_for("started:sqs.DeleteMessageBatch", before + 2)
    sqs.wait_until_empty(QUEUE)


def test_tasks_run_on_while_deletes_hang(sqs: Any, worker: Any, task_message: Any) -> None:
    sqs.control.fault("sqs", "DeleteMessageBatch", "hang")
    texts = [f"hang {number}" for number in range(40)]
    sqs.send(QUEUE, *(task_message("note", text) for text in texts))
    worker.wait_until(lambda _: set(texts) <= set(worker.texts("ran")))
    sqs.control.clear_faults()
    sqs.wait_until_empty(QUEUE)


def test_after_all_that_it_still_stops_when_it_is_asked_to(worker: Any) -> None:
    code, seconds = worker.stop()
    assert code == 0
    assert seconds < 5
    assert "Traceback" not in worker.log()
