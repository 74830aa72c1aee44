"""The calls of SQS that we make ourselves say and mean what boto3's do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from botocore import exceptions as boto
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSResponse
from botocore.stub import ANY

from config import aws
from config.settings import load_settings
from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def ours(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", simulator.endpoint_url)
    client = aws.sqs_receiver(load_settings(aws_region=REGION))
    yield client
    client.close()


@pytest.fixture
def theirs(simulator: SimulatorThread) -> Iterator[Any]:
    client = boto3.client("sqs", region_name=REGION, endpoint_url=simulator.endpoint_url)
    yield client
    client.close()


@pytest.fixture
def queue_url(ours: Any) -> str:
    url: str = ours.create_queue(QueueName="letters")["QueueUrl"]
    ours.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(n), "MessageBody": f"Grüße {n}"} for n in range(4)],
    )
    return url


def received(client: Any, url: str) -> list[dict[str, Any]]:
    answer = client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
    )
    return sorted(answer["Messages"], key=lambda message: message["Body"])


def test_a_receive_brings_what_boto3s_brings(ours: Any, theirs: Any, queue_url: str) -> None:
    first, second = received(theirs, queue_url), received(ours, queue_url)
    differing = {"ReceiptHandle": ANY, "Attributes": ANY}
    assert [{**m, **differing} for m in second] == [{**m, **differing} for m in first]
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in second] == ["2"] * 4


def test_an_empty_queue_brings_no_messages(ours: Any) -> None:
    url = ours.create_queue(QueueName="empty")["QueueUrl"]
    assert ours.receive_message(QueueUrl=url).get("Messages", []) == []


def test_a_batch_tells_of_each_receipt(ours: Any, theirs: Any, queue_url: str) -> None:
    handle = ours.receive_message(QueueUrl=queue_url)["Messages"][0]["ReceiptHandle"]
    hide = {"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 60}
    changed = ours.change_message_visibility_batch(QueueUrl=queue_url, Entries=[hide])
    assert [entry["Id"] for entry in changed["Successful"]] == ["0"]
    entries = [{"Id": "0", "ReceiptHandle": handle}, {"Id": "1", "ReceiptHandle": "no receipt"}]
    done = ours.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    expected = theirs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    assert done["Successful"] == [{"Id": "0"}]
    assert done.get("Failed") == expected.get("Failed")


def test_a_refusal_is_boto3s_own_exception(ours: Any, theirs: Any) -> None:
    missing = {"QueueUrl": f"{theirs.meta.endpoint_url}/000000000000/missing"}
    with pytest.raises(theirs.exceptions.QueueDoesNotExist) as expected:
        theirs.receive_message(**missing)
    with pytest.raises(ours.exceptions.QueueDoesNotExist) as refused:
        ours.receive_message(**missing)
    assert refused.value.response["Error"] == expected.value.response["Error"]


@pytest.mark.parametrize("kind", ["cut", "lose_answer"])
def test_a_lost_answer_is_an_error_and_not_asked_for_again(
    ours: Any, queue_url: str, simulator: SimulatorThread, kind: str
) -> None:
    simulator.control.fault("sqs", "ReceiveMessage", kind, times=1)
    with pytest.raises(boto.ConnectionClosedError):
        ours.receive_message(QueueUrl=queue_url)
    assert sum(simulator.control.calls()["sqs.ReceiveMessage"].values()) == 1


def test_ten_large_messages_full_of_quotes_come_in_one_answer(ours: Any) -> None:
    url = ours.create_queue(QueueName="large")["QueueUrl"]
    body = '"' * 1_000_000
    for _ in range(10):
        ours.send_message(QueueUrl=url, MessageBody=body)
    messages = ours.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == [body] * 10


def test_an_answer_that_is_no_object_is_an_error(ours: Any, queue_url: str) -> None:
    answer = mock.Mock(status=200, headers={}, body=b"<html>")
    with (
        mock.patch.object(ours._caller, "call", return_value=answer),
        pytest.raises(boto.HTTPClientError),
    ):
        ours.receive_message(QueueUrl=queue_url)


@pytest.mark.parametrize(
    "environment",
    [{}, {"AWS_SESSION_TOKEN": "token"}, {"AWS_USE_FIPS_ENDPOINT": "true"}],
)
def test_the_signature_is_botocores(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client: Any = aws.sqs_receiver(load_settings(aws_region=REGION))
    answer = mock.Mock(status=200, headers={}, body=b"{}")
    sent: list[tuple[dict[str, str], bytes]] = []

    def post(headers: dict[str, str], body: bytes, _line: None, *, not_after: None) -> object:
        sent.append((headers, body))
        return answer

    client._caller.exchange = mock.Mock(connect=lambda: None, post=post)
    client.receive_message(QueueUrl="https://queue", MaxNumberOfMessages=3)
    [(headers, body)] = sent
    theirs = signed_by_botocore(client, headers["X-Amz-Date"])
    assert body == theirs.body
    for name in ("Authorization", "X-Amz-Target", "X-Amz-Date"):
        assert headers[name] == text(theirs.headers[name])


def signed_by_botocore(client: Any, at: str) -> Any:
    """The request that botocore makes of the same call at the same second."""
    seen = []

    def stop(request: Any, **_: object) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 200, {}, mock.Mock(stream=lambda: iter([b"{}"])))

    class AtThatTime(SigV4Auth):
        """Signs what we sign: not every header that botocore adds for itself."""

        def _modify_request_before_signing(self, request: Any) -> None:
            request.context["timestamp"] = at
            super()._modify_request_before_signing(request)

        def headers_to_sign(self, request: Any) -> Any:
            chosen = super().headers_to_sign(request)
            for name in set(chosen) - SIGNED:
                del chosen[name]
            return chosen

    client.meta.events.register("before-send.sqs.ReceiveMessage", stop)
    with (
        mock.patch.dict("botocore.auth.AUTH_TYPE_MAPS", {"v4": AtThatTime}),
        mock.patch("botocore.auth.get_current_datetime", return_value=moment(at)),
    ):
        client._client.receive_message(QueueUrl="https://queue", MaxNumberOfMessages=3)
    return seen[0]


SIGNED = {
    "content-type",
    "host",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-target",
    "x-amzn-query-mode",
}


def moment(at: str) -> Any:
    return datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
