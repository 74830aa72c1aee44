"""Dead letters can be moved back to where they came from."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws


@pytest.fixture
def queues(simulator: Aws) -> tuple[str, str]:
    """A queue and its dead-letter queue, with five dead letters."""
    dead = simulator.queue("dead", VisibilityTimeout=0)
    policy = {"deadLetterTargetArn": simulator.arn_of(dead), "maxReceiveCount": 1}
    mail = simulator.queue("mail", VisibilityTimeout=0, RedrivePolicy=json.dumps(policy))
    for number in range(5):
        simulator.sqs.send_message(QueueUrl=mail, MessageBody=f"letter {number}")
    for _ in range(2):
        simulator.receive(mail)
    assert simulator.attributes(dead)["ApproximateNumberOfMessages"] == "5"
    return mail, dead


def start(simulator: Aws, dead: str, **options: object) -> str:
    arn = simulator.arn_of(dead)
    return simulator.sqs.start_message_move_task(SourceArn=arn, **options)["TaskHandle"]


def latest(simulator: Aws, dead: str) -> dict[str, Any]:
    """The newest move task of a queue."""
    arn = simulator.arn_of(dead)
    return simulator.sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]


def finished(simulator: Aws, dead: str) -> dict[str, Any]:
    """The newest move task, once it has ended."""
    deadline = time.monotonic() + 5
    while (task := latest(simulator, dead))["Status"] == "RUNNING":
        assert time.monotonic() < deadline
    return task


def test_dead_letters_go_back_as_new_messages(
    simulator: Aws, control: Control, queues: tuple[str, str]
) -> None:
    _, dead = queues
    before = {message["message_id"] for message in control.queue("dead")["messages"]}

    start(simulator, dead)
    task = finished(simulator, dead)

    moved = control.queue("mail")["messages"]
    assert task["Status"] == "COMPLETED"
    assert task["ApproximateNumberOfMessagesMoved"] == 5
    assert {message["body"] for message in moved} == {f"letter {number}" for number in range(5)}
    assert {message["receive_count"] for message in moved} == {0}
    assert not before & {message["message_id"] for message in moved}
    assert control.queue("dead")["messages"] == []


def test_dead_letters_may_go_elsewhere(
    simulator: Aws, control: Control, queues: tuple[str, str]
) -> None:
    _, dead = queues
    other = simulator.arn_of(simulator.queue("other"))

    start(simulator, dead, DestinationArn=other)
    task = finished(simulator, dead)

    assert task["DestinationArn"] == other
    assert control.queue("other")["visible"] == 5


def test_a_move_can_be_slow_and_cancelled(
    simulator: Aws, control: Control, queues: tuple[str, str]
) -> None:
    _, dead = queues

    handle = start(simulator, dead, MaxNumberOfMessagesPerSecond=1)
    answer = simulator.sqs.cancel_message_move_task(TaskHandle=handle)

    assert answer["ApproximateNumberOfMessagesMoved"] <= 1
    assert latest(simulator, dead)["Status"] == "CANCELLED"
    assert control.queue("dead")["visible"] >= 4


def test_one_move_runs_at_a_time(simulator: Aws, queues: tuple[str, str]) -> None:
    _, dead = queues
    start(simulator, dead, MaxNumberOfMessagesPerSecond=1)

    assert simulator.refusal(start, simulator=simulator, dead=dead) == "InvalidParameterValue"


def test_only_a_dead_letter_queue_can_be_moved_from(
    simulator: Aws, queues: tuple[str, str]
) -> None:
    mail, _ = queues

    assert simulator.refusal(start, simulator=simulator, dead=mail) == "InvalidParameterValue"


def test_a_queue_that_does_not_exist_cannot_be_moved_from(simulator: Aws) -> None:
    with pytest.raises(simulator.sqs.exceptions.ResourceNotFoundException):
        simulator.sqs.start_message_move_task(
            SourceArn="arn:aws:sqs:eu-west-1:000000000000:nowhere"
        )
