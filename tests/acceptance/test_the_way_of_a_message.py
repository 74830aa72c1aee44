"""One message travels the whole way: real processes, started as the Procfile does."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from db import suppressions
from mailsluice import Mailsluice, Message

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.watch import Watch

BOUNCING = "bounce@simulator.amazonses.com"


@pytest.fixture(scope="module")
def running(installation: Installation) -> Installation:
    for name in ("worker", "worker_bulk", "scheduler", "events"):
        installation.start(name)
    return installation


@pytest.fixture
def queue(running: Installation) -> Mailsluice:
    return Mailsluice(sqs_client=running.sqs)


def test_a_message_is_delivered_and_its_life_can_be_told(
    running: Installation, queue: Mailsluice, watch: Watch
) -> None:
    message_id = queue.send(Message(to="Ada <ada@example.com>", subject="Hello", text="Hi"))
    found = watch.reaches(message_id, "delivered")
    assert found.recipients == {"ada@example.com": "delivered"}
    assert {event.kind for event in found.events} == {"send", "delivery"}
    [send] = watch.accepted(message_id)
    assert send.ses_message_id == found.ses_message_id
    assert send.configuration_set == "mailsluice"


def test_a_bounce_suppresses_its_address_and_the_next_mail_is_not_sent(
    running: Installation, queue: Mailsluice, watch: Watch
) -> None:
    first = queue.send(Message(to=BOUNCING, subject="Invoice", text="…"))
    watch.reaches(first, "bounced")
    [entry] = suppressions.find(watch.engine, BOUNCING)
    assert (entry.reason, str(entry.message_id)) == ("bounce", str(first))
    second = queue.send(Message(to=BOUNCING, subject="Invoice, again", text="…"))
    watch.reaches(second, "suppressed")
    assert watch.accepted(second) == []


def test_the_same_message_enqueued_twice_is_sent_once(
    running: Installation, queue: Mailsluice, watch: Watch
) -> None:
    for _ in range(2):
        message_id = queue.send(
            Message(to="ada@example.com", subject="Once", text="…", idempotency_key="order-1")
        )
    watch.reaches(message_id, "delivered")
    running.control.wait_for("queue_empty:mailsluice-transactional", 0, timeout_seconds=60)
    assert len(watch.accepted(message_id)) == 1


def test_a_message_put_on_sqs_by_plain_boto3_arrives(running: Installation, watch: Watch) -> None:
    message_id = str(uuid.uuid4())
    job = {
        "id": message_id,
        "version": 1,
        "stream": "transactional",
        "to": ["ada@example.com"],
        "subject": "Hello",
        "text": "Hi",
    }
    body = {
        "body": json.dumps([[job], {}, {}]),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "mailsluice.deliver", "id": message_id},
        "properties": {},
    }
    url = running.sqs.get_queue_url(QueueName="mailsluice-transactional")["QueueUrl"]
    running.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    watch.reaches(message_id, "delivered")


def test_a_template_that_does_not_exist_parks_its_message_with_the_reason(
    running: Installation, queue: Mailsluice, watch: Watch
) -> None:
    message_id = queue.send(Message(to="ada@example.com", template="none", stream="marketing"))
    found = watch.reaches(message_id, "parked")
    assert found.outcome_reason is not None
    assert "create it" in found.outcome_reason


def test_no_address_subject_or_body_is_in_any_log_or_metric(
    running: Installation, queue: Mailsluice, watch: Watch
) -> None:
    message_id = queue.send(
        Message(to="secret-person@example.com", subject="Secret subject", text="Secret body")
    )
    watch.reaches(message_id, "delivered")
    for process in running.processes:
        written = process.log_path.read_text() + process.metrics()
        assert "@example.com" not in written
        assert "simulator.amazonses.com" not in written
        assert "Secret" not in written
