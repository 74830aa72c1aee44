"""What cannot be sent back stays, and is told; what was sent back twice over is told too."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import redriving
from ops.dead_letter_queues import DeadLetterQueue
from ops.redriving import redrive

QUEUE = DeadLetterQueue("q-dlq", "q", "marketing")


class Sqs:
    """A queue of dead letters by name; `refuses` are not sent, `keeps` are not deleted."""

    def __init__(self, letters: str, *, refuses: str = "", keeps: str = "") -> None:
        self.letters = list(letters)
        self.refuses, self.keeps = refuses, keeps
        self.sent: list[str] = []
        self.deleted: list[str] = []
        self.given_back: list[str] = []
        self.tasks: list[list[dict[str, Any]]] = []

    def get_queue_url(self, **request: str) -> dict[str, str]:
        return {"QueueUrl": request["QueueName"]}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        return {
            "Attributes": {
                "QueueArn": f"arn:{request['QueueUrl']}",
                "ApproximateNumberOfMessages": "0",
                "ApproximateNumberOfMessagesNotVisible": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }

    def receive_message(self, **request: Any) -> dict[str, Any]:
        most = request["MaxNumberOfMessages"]
        taken, self.letters = self.letters[:most], self.letters[most:]
        return {
            "Messages": [
                {
                    "MessageId": name,
                    "ReceiptHandle": name,
                    "Body": name,
                    "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
                }
                for name in taken
            ]
        }

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        names = {each["Id"]: each["MessageBody"] for each in request["Entries"]}
        self.sent += [name for name in names.values() if name not in self.refuses]
        return _answer(names, self.refuses)

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        names = {each["Id"]: each["ReceiptHandle"] for each in request["Entries"]}
        self.deleted += [name for name in names.values() if name not in self.keeps]
        return _answer(names, self.keeps)

    def change_message_visibility_batch(self, **request: Any) -> None:
        self.given_back += [each["ReceiptHandle"] for each in request["Entries"]]

    def list_message_move_tasks(self, **request: Any) -> dict[str, Any]:
        return {"Results": self.tasks.pop(0)}

    def start_message_move_task(self, **request: str) -> None:
        self.started = request


def _answer(names: dict[str, str], failing: str) -> dict[str, Any]:
    return {
        "Successful": [{"Id": each} for each, name in names.items() if name not in failing],
        "Failed": [
            {"Id": each, "Code": "InternalError"} for each, name in names.items() if name in failing
        ],
    }


def test_what_was_not_sent_is_neither_deleted_nor_kept_from_others() -> None:
    sqs: Any = Sqs("abc", refuses="b")
    done = redrive(sqs, QUEUE, most=10, wait=False)
    assert (done.moved, done.problems) == (2, ["was not moved: InternalError"])
    assert (sqs.sent, sqs.deleted, sqs.given_back) == (["a", "c"], ["a", "c"], ["b"])


def test_what_was_sent_and_not_deleted_is_told() -> None:
    sqs: Any = Sqs("ab", keeps="a")
    done = redrive(sqs, QUEUE, most=10, wait=False)
    assert done.moved == 2
    assert done.problems == ["was moved, but lies here still: InternalError"]
    assert sqs.given_back == ["a"]


def task(started: int, status: str, moved: int = 0, **more: object) -> dict[str, Any]:
    return {
        "StartedTimestamp": started,
        "Status": status,
        "ApproximateNumberOfMessagesMoved": moved,
        **more,
    }


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redriving, "POLL_SECONDS", 0)


@pytest.mark.usefixtures("_no_pause")
def test_the_end_that_is_waited_for_is_that_of_this_task() -> None:
    sqs: Any = Sqs("")
    earlier = task(1, "COMPLETED", 7)
    sqs.tasks = [[earlier], [earlier], [], [task(2, "RUNNING", 1)], [task(2, "COMPLETED", 3)]]
    done = redrive(sqs, QUEUE, most=None, wait=True)
    assert (done.status, done.moved, done.problems) == ("completed", 3, [])
    assert sqs.started == {"SourceArn": "arn:q-dlq", "DestinationArn": "arn:q"}


def test_a_task_that_failed_is_told_with_its_reason() -> None:
    sqs: Any = Sqs("")
    sqs.tasks = [[], [task(1, "FAILED", 2, FailureReason="AccessDenied")]]
    done = redrive(sqs, QUEUE, most=None, wait=True)
    assert (done.status, done.moved) == ("failed", 2)
    assert done.problems == ["the move task ended as failed: AccessDenied"]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidParameterValue", "RequestThrottled"])
def test_a_task_that_sqs_refuses_is_not_done_by_other_means(code: str) -> None:
    sqs: Any = Sqs("a")

    def refuse(**request: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "StartMessageMoveTask")

    sqs.tasks, sqs.start_message_move_task = [[]], refuse
    with pytest.raises(ClientError):
        redrive(sqs, QUEUE, most=None, wait=False)
    assert sqs.letters == ["a"]
