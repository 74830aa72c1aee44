"""Outages stop progress and nothing else; bad input does no harm."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.installation import Installation
    from sandbox.watch import Watch

PROCESSES = ("worker", "worker_bulk", "scheduler", "events")
QUEUE = "mailsluice-transactional"
QUICK = {
    "MAILSLUICE_RECEIVE_WAIT_SECONDS": "1",
    "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS": "6",
    "MAILSLUICE_QUEUE_MEASURE_SECONDS": "1",
}


@pytest.fixture(scope="module")
def running(installation: Installation) -> Installation:
    for name in PROCESSES:
        installation.start(name, **QUICK)
    return installation


@pytest.fixture(autouse=True)
def _faults_end(running: Installation) -> Iterator[None]:
    yield
    running.control.clear_faults()


def pids(running: Installation) -> list[int]:
    return [process.pid for process in running.processes if process.is_running]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "code": "InternalFailure"},
        {"kind": "status", "status": 503, "code": "ServiceUnavailable"},
        {"kind": "status", "status": 400, "code": "RequestThrottled"},
        {"kind": "status", "status": 403, "code": "ExpiredToken"},
        {"kind": "cut"},
        {"kind": "hang"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_after_an_outage_of_sqs_every_process_goes_on_by_itself(
    running: Installation, watch: Watch, fault: dict[str, object]
) -> None:
    before = pids(running)
    control = running.control
    message = Message(to="ada@example.com", subject="Hello", text="Hi")
    Mailsluice(sqs_client=running.sqs).send(message)
    for action in ("ReceiveMessage", "DeleteMessageBatch", "GetQueueAttributes"):
        control.fault("sqs", action, **fault)
    arrived = control.wait_for("started:sqs.ReceiveMessage", 0)
    # Every receiving process has met the fault: two workers with three queues, and the consumer.
    control.wait_for("started:sqs.ReceiveMessage", arrived + 4, timeout_seconds=30)
    control.clear_faults()
    late = Message(to="ada@example.com", subject="Hello", text="Hi")
    Mailsluice(sqs_client=running.sqs).send(late)
    for each in (message, late):
        watch.reaches(each.id, "delivered", timeout_seconds=60)
        assert len(watch.accepted(each.id)) == 1
    assert pids(running) == before
    until(
        lambda: all(process.is_healthy() for process in running.processes),
        "every process is well",
    )


def good_job() -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "version": 1,
        "stream": "transactional",
        "to": ["ada@example.com"],
        "subject": "Hello",
        "text": "Hi",
    }


def body(job: object, task: str = "mailsluice.deliver") -> str:
    return json.dumps(
        {
            "body": json.dumps([[job], {}, {}]),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {"task": task, "id": str(uuid.uuid4())},
            "properties": {},
        }
    )


POISON = {
    "text": "this is not JSON",
    "list": "[]",
    "sns": '{"Type": "Notification", "Message": "from SNS"}',
    "task": body(good_job(), task="some.other.task"),
    "address": body(good_job() | {"to": ["no address"]}),
    "version": body(good_job() | {"version": 2}),
    "stream": body(good_job() | {"stream": "nobodys"}),
    "field": body(good_job() | {"surprise": True}),
}


@pytest.fixture(scope="module")
def poisoned(running: Installation) -> dict[str, str]:
    """All of these on the queue at once: kind to SQS message id."""
    url = running.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    policy = redrive_after(running, receives=2)
    running.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    return {
        kind: running.sqs.send_message(QueueUrl=url, MessageBody=text)["MessageId"]
        for kind, text in POISON.items()
    }


@pytest.mark.parametrize("kind", POISON)
def test_what_cannot_be_understood_is_kept_with_its_reason_and_goes_to_the_dead_letter_queue(
    running: Installation, watch: Watch, poisoned: dict[str, str], kind: str
) -> None:
    def in_the_dead_letter_queue() -> bool:
        lying = running.control.queue(f"{QUEUE}-dlq")["messages"]
        return any(message["body"] == POISON[kind] for message in lying)

    until(in_the_dead_letter_queue, "the message is in the dead-letter queue")
    with watch.engine.begin() as connection:
        row = connection.execute(
            text("SELECT reason, queue FROM refused_messages WHERE sqs_message_id = :id"),
            {"id": poisoned[kind]},
        ).one()
    assert row.queue == QUEUE
    assert len(row.reason) > 10


@pytest.mark.usefixtures("poisoned")
def test_poison_does_not_stand_in_the_way_of_good_mail(running: Installation, watch: Watch) -> None:
    good = Mailsluice(sqs_client=running.sqs).send(
        Message(to="ada@example.com", subject="Hello", text="Hi")
    )
    watch.reaches(good, "delivered")


def redrive_after(running: Installation, *, receives: int) -> str:
    dead = running.sqs.get_queue_url(QueueName=f"{QUEUE}-dlq")["QueueUrl"]
    arn = running.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    return json.dumps(
        {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": str(receives),
        }
    )
