"""The simulator misbehaves exactly as told, on real connections."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox


@pytest.fixture
def url(simulator: Aws) -> str:
    return simulator.queue("mail")


def send(simulator: Aws, url: str) -> None:
    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")


def outcomes(control: Control, operation: str) -> dict[str, int]:
    """How the calls of one operation ended."""
    return control.calls().get(operation, {})


def test_a_status_answers_without_doing_the_call(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "status", status=503, code="ServiceUnavailable", times=1)

    with pytest.raises(ClientError) as failed:
        send(simulator, url)
    send(simulator, url)

    response = failed.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert outcomes(control, "sqs.SendMessage") == {"503": 1, "200": 1}
    assert control.queue("mail")["visible"] == 1


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("sqs", lambda aws: aws.sqs.list_queues()),
        ("sns", lambda aws: aws.sns.list_topics()),
        ("ses", lambda aws: aws.ses.get_account()),
    ],
)
def test_every_service_fails_in_its_own_wire_format(
    simulator: Aws, control: Control, service: str, call: Callable[[Aws], object]
) -> None:
    control.fault(service, "*", "status", status=400, code="ThrottlingException", message="Slow!")

    with pytest.raises(ClientError) as failed:
        call(simulator)

    assert failed.value.response["Error"]["Code"] == "ThrottlingException"
    assert failed.value.response["Error"]["Message"] == "Slow!"


def test_a_cut_closes_the_connection_before_the_call_is_done(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "cut", times=2)

    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            send(simulator, url)

    assert outcomes(control, "sqs.SendMessage") == {"cut": 2}
    assert control.queue("mail")["visible"] == 0


def test_a_lost_answer_closes_the_connection_after_the_call_is_done(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "lose_answer", times=1)

    with pytest.raises(ConnectionClosedError):
        send(simulator, url)

    assert outcomes(control, "sqs.SendMessage") == {"lost": 1}
    assert control.queue("mail")["visible"] == 1


def test_an_error_after_answers_badly_although_the_call_is_done(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "error_after", status=500, times=1)

    with pytest.raises(ClientError):
        send(simulator, url)

    assert outcomes(control, "sqs.SendMessage") == {"500": 1}
    assert control.queue("mail")["visible"] == 1


def test_a_send_that_loses_its_answer_is_in_the_truth(outbox: Outbox, control: Control) -> None:
    control.fault("ses", "SendEmail", "lose_answer", times=1)

    with pytest.raises(ConnectionClosedError):
        outbox.send(EmailTags=[{"Name": "message-id", "Value": "42"}])

    assert [mail.tags["message-id"] for mail in control.sends()] == ["42"]
    assert [event["eventType"] for event in outbox.events(2)] == ["Send", "Delivery"]


def test_a_slow_call_is_done_and_answered_late(simulator: Aws, control: Control, url: str) -> None:
    control.fault("sqs", "SendMessage", "slow", seconds=0.5, times=1)
    began = time.monotonic()

    send(simulator, url)

    assert time.monotonic() - began >= 0.5


def test_a_call_hangs_until_the_faults_are_cleared(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "hang")

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(send, simulator, url)
        control.wait_for("started:sqs.SendMessage", 1)
        assert not hanging.done()
        control.clear_faults()
        with pytest.raises(ConnectionClosedError):
            hanging.result(timeout=5)

    assert outcomes(control, "sqs.SendMessage") == {"hang": 1}
    send(simulator, url)


def test_a_call_hangs_no_longer_than_told(simulator: Aws, control: Control, url: str) -> None:
    control.fault("sqs", "SendMessage", "hang", seconds=0.3, times=1)

    with pytest.raises(ConnectionClosedError):
        send(simulator, url)

    assert outcomes(control, "sqs.SendMessage") == {"hang": 1}


def test_a_hanging_call_ends_when_its_client_gives_up(
    simulator: Aws, control: Control, url: str
) -> None:
    control.fault("sqs", "SendMessage", "hang")
    impatient = simulator.client("sqs", read_timeout=0.2)

    with pytest.raises(ReadTimeoutError):
        impatient.send_message(QueueUrl=url, MessageBody="hello")

    control.wait_for("calls:sqs.SendMessage", 1)
    assert control.queue("mail")["messages"] == []


def test_a_fault_may_be_about_one_queue(simulator: Aws, control: Control, url: str) -> None:
    other = simulator.queue("other")
    control.fault("sqs", "SendMessage", "status", queue="mail")

    send(simulator, other)
    with pytest.raises(ClientError):
        send(simulator, url)


def test_a_fault_may_hit_some_calls_and_repeatably_so(
    simulator: Aws, control: Control, url: str
) -> None:
    def hits() -> list[bool]:
        control.clear_faults()
        control.fault("sqs", "SendMessage", "status", probability=0.5, seed=7)
        return [_fails(simulator, url) for _ in range(20)]

    first, second = hits(), hits()

    assert first == second
    assert 0 < sum(first) < 20


def _fails(simulator: Aws, url: str) -> bool:
    try:
        send(simulator, url)
    except ClientError:
        return True
    return False


def test_a_fault_that_makes_no_sense_is_refused(control: Control) -> None:
    with pytest.raises(ValueError, match="kind is one of"):
        control.fault("sqs", "*", "explode")
    with pytest.raises(ValueError, match="service is one of"):
        control.fault("s3", "*", "cut")


def test_latency_slows_every_call_of_a_service(simulator: Aws, control: Control, url: str) -> None:
    control.sqs(latency_seconds=0.2)
    began = time.monotonic()

    send(simulator, url)

    assert time.monotonic() - began >= 0.2


def test_messages_can_be_delivered_twice(simulator: Aws, control: Control, url: str) -> None:
    control.sqs(redeliver_probability=1.0, seed=1)
    send(simulator, url)

    first, second = simulator.receive(url), simulator.receive(url)

    assert [message["Body"] for message in first + second] == ["hello", "hello"]


def test_a_deleted_message_can_come_back(simulator: Aws, control: Control, url: str) -> None:
    send(simulator, url)
    (message,) = simulator.receive(url)
    control.sqs(redeliver_probability=1.0)

    simulator.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert len(simulator.receive(url)) == 1
