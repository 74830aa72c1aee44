"""Dead letters are sent back to their queue, by SQS or one by one, and none is lost on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from sandbox.aws.control import Control

    Run = Callable[..., Result]
    Die = Callable[..., list[str]]

QUEUE = "mailsluice-marketing"
DLQ = f"{QUEUE}-dlq"


def bodies(control: Control, queue: str) -> list[str]:
    return sorted(each["body"] for each in control.queue(queue)["messages"])


def counts(control: Control, queue: str = DLQ) -> tuple[int, int]:
    found = control.queue(queue)
    return found["visible"], found["in_flight"]


def test_a_redrive_sends_all_back(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one", "two", "three")
    result = run("dlq", "redrive", "marketing", "--wait")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == f"3 dead letters went back to {QUEUE}.\n"
    assert bodies(control, QUEUE) == ["one", "three", "two"]
    assert counts(control) == (0, 0)


def test_a_second_redrive_is_told_apart_from_the_first(
    control: Control, die: Die, run: Run
) -> None:
    die(QUEUE, "one", "two")
    run("dlq", "redrive", "marketing", "--wait")
    die("mailsluice-transactional", "other")
    die(QUEUE)
    found = json.loads(run("dlq", "redrive", "marketing", "--wait", "--json").stdout)
    assert found == {"status": "completed", "moved": 2, "to_move": 2, "problems": []}
    assert counts(control, "mailsluice-transactional-dlq") == (1, 0)


def test_without_waiting_a_redrive_is_only_begun(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one")
    result = run("dlq", "redrive", "marketing")
    assert "SQS now moves" in result.stdout
    assert "1 dead letter, about" in result.stdout
    control.wait_for(f"queue_empty:{DLQ}")
    assert bodies(control, QUEUE) == ["one"]


def test_a_redrive_of_nothing_is_no_error(die: Die, run: Run) -> None:
    die(QUEUE)
    result = run("dlq", "redrive", "marketing", "--wait")
    assert (result.exit_code, result.stdout) == (
        ExitCode.DONE,
        f"0 dead letters went back to {QUEUE}.\n",
    )


def test_a_limited_redrive_moves_so_many_as_they_were(
    control: Control, die: Die, client: Callable[[str], Any], run: Run
) -> None:
    attributes = {"colour": {"DataType": "String", "StringValue": "blue"}}
    die(QUEUE, "one", "two", "three", MessageAttributes=attributes, MessageGroupId="tenant")
    result = run("dlq", "redrive", "marketing", "--limit", "2", "--json")
    assert json.loads(result.stdout)["moved"] == 2
    assert counts(control) == (1, 0)
    url = client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
    [moved, _] = client("sqs").receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )["Messages"]
    assert moved["MessageAttributes"]["colour"]["StringValue"] == "blue"
    assert moved["Attributes"]["MessageGroupId"] == "tenant"


@pytest.mark.parametrize(
    ("status", "code"), [(400, "UnsupportedOperation"), (400, "InvalidAction"), (501, "501")]
)
def test_without_move_tasks_all_are_moved_one_by_one(
    control: Control, die: Die, run: Run, status: int, code: str
) -> None:
    letters = [f"letter {number:02}" for number in range(12)]
    die(QUEUE, *letters)
    control.fault("sqs", "ListMessageMoveTasks", "status", status=status, code=code)
    control.fault("sqs", "StartMessageMoveTask", "status", status=status, code=code)
    result = run("dlq", "redrive", "marketing")
    assert result.stdout == f"12 dead letters went back to {QUEUE}.\n"
    assert bodies(control, QUEUE) == letters
    assert counts(control) == (0, 0)


def test_letters_as_large_as_a_batch_are_moved(control: Control, die: Die, run: Run) -> None:
    large = [letter * 700_000 for letter in "abc"]
    die(QUEUE, *large)
    run("dlq", "redrive", "marketing", "--limit", "3")
    assert bodies(control, QUEUE) == large


def test_a_letter_that_cannot_be_sent_stays(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one", "two")
    control.fault(
        "sqs", "SendMessageBatch", "status", status=403, code="AccessDenied", message="No."
    )
    result = run("dlq", "redrive", "marketing", "--limit", "5")
    assert result.exit_code == ExitCode.WRONG
    assert "AccessDenied" in result.stderr
    assert counts(control) == (2, 0)
    assert bodies(control, QUEUE) == []


def test_a_move_task_that_sqs_refuses_is_told(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one")
    control.fault(
        "sqs", "StartMessageMoveTask", "status", status=403, code="AccessDenied", message="No."
    )
    result = run("dlq", "redrive", "marketing")
    assert result.exit_code == ExitCode.WRONG
    assert "AccessDenied" in result.stderr
    assert counts(control) == (1, 0)
