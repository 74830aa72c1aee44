"""A long poll ends the moment there is something to receive."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws


Polling = Future[list[dict[str, Any]]]
Poll = Callable[..., Polling]


@pytest.fixture
def poll(simulator: Aws, control: Control) -> Iterator[Poll]:
    """Starts a long poll of twenty seconds and waits until it has arrived."""
    polls: list[Polling] = []
    with ThreadPoolExecutor(4) as pool:

        def start(queue_url: str, **options: object) -> Polling:
            finished = sum(control.calls().get("sqs.ReceiveMessage", {}).values())
            still_open = sum(not polling.done() for polling in polls)
            polls.append(pool.submit(simulator.receive, queue_url, WaitTimeSeconds=20, **options))
            control.wait_for("started:sqs.ReceiveMessage", finished + still_open + 1)
            return polls[-1]

        yield start


def test_a_message_sent_during_a_long_poll_ends_it_at_once(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail")
    polling = poll(url)

    began = time.monotonic()
    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")

    assert [message["Body"] for message in polling.result(timeout=5)] == ["hello"]
    assert time.monotonic() - began < 1


def test_a_batch_is_shared_by_the_polls_that_wait(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail")
    polls = [poll(url, MaxNumberOfMessages=1) for _ in range(2)]

    simulator.sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": body, "MessageBody": body} for body in "ab"]
    )

    received = [polling.result(timeout=5) for polling in polls]
    assert sorted(message["Body"] for messages in received for message in messages) == ["a", "b"]


def test_a_message_given_back_ends_a_long_poll(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail")
    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = simulator.receive(url)
    polling = poll(url)

    simulator.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )

    assert len(polling.result(timeout=5)) == 1


def test_a_timeout_shortened_during_a_long_poll_is_noticed(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail", VisibilityTimeout=600)
    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = simulator.receive(url)
    polling = poll(url)

    simulator.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=1
    )

    assert len(polling.result(timeout=5)) == 1


def test_a_message_delayed_during_a_long_poll_ends_it_when_due(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail")
    polling = poll(url)

    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello", DelaySeconds=1)

    assert len(polling.result(timeout=5)) == 1


def test_a_dead_letter_ends_a_long_poll_on_its_queue(simulator: Aws, poll: Poll) -> None:
    dead = simulator.queue("dead")
    policy = f'{{"deadLetterTargetArn": "{simulator.arn_of(dead)}", "maxReceiveCount": 1}}'
    mail = simulator.queue("mail", VisibilityTimeout=0, RedrivePolicy=policy)
    simulator.sqs.send_message(QueueUrl=mail, MessageBody="poison")
    simulator.receive(mail)
    polling = poll(dead)

    simulator.receive(mail)

    assert len(polling.result(timeout=5)) == 1


def test_a_queue_deleted_during_a_long_poll_says_so(simulator: Aws, poll: Poll) -> None:
    url = simulator.queue("mail")
    polling = poll(url)

    simulator.sqs.delete_queue(QueueUrl=url)

    with pytest.raises(simulator.sqs.exceptions.QueueDoesNotExist):
        polling.result(timeout=5)


def test_a_client_that_died_while_polling_gets_nothing(simulator: Aws, control: Control) -> None:
    url = simulator.queue("mail")
    body = f'{{"QueueUrl": "{url}", "WaitTimeSeconds": 20}}'
    host, _, port = simulator.endpoint_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as dying:
        dying.sendall(
            f"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        control.wait_for("started:sqs.ReceiveMessage", 1)

    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")

    (message,) = simulator.receive(url, WaitTimeSeconds=5)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_an_empty_long_poll_lasts_as_long_as_it_was_told(simulator: Aws) -> None:
    url = simulator.queue("mail", ReceiveMessageWaitTimeSeconds=1)

    began = time.monotonic()

    assert simulator.receive(url) == []
    assert 0.9 < time.monotonic() - began < 3
