"""The SQS contract, messages: the same answers from moto and from our simulator."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws

MEGABYTE = 1_048_576


def test_a_message_arrives_with_its_body_and_digest(aws: Aws) -> None:
    url = aws.queue("mail")
    sent = aws.sqs.send_message(QueueUrl=url, MessageBody="Grüße, 世界\t\n")

    (message,) = aws.receive(url)

    assert message["Body"] == "Grüße, 世界\t\n"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert (
        message["MD5OfBody"]
        == hashlib.md5("Grüße, 世界\t\n".encode(), usedforsecurity=False).hexdigest()
    )


def test_system_attributes_tell_when_and_how_often(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=0)
    before_ms = int(time.time() * 1000) - 1
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")

    (first,), (second,) = aws.receive(url), aws.receive(url)

    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    sent_ms = int(second["Attributes"]["SentTimestamp"])
    received_ms = int(second["Attributes"]["ApproximateFirstReceiveTimestamp"])
    assert before_ms <= sent_ms <= received_ms <= int(time.time() * 1000) + 1
    assert "SenderId" in first["Attributes"]


def test_the_older_name_of_the_parameter_gives_system_attributes_too(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")

    answer = aws.sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"])

    assert answer["Messages"][0]["Attributes"] == {"ApproximateReceiveCount": "1"}


def test_system_attributes_come_only_when_asked_for(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")

    (message,) = aws.sqs.receive_message(QueueUrl=url)["Messages"]

    assert "Attributes" not in message


def test_message_attributes_travel_with_their_digest(aws: Aws) -> None:
    url = aws.queue("mail")
    attributes = {
        "stream": {"DataType": "String", "StringValue": "marketing"},
        "size": {"DataType": "Number", "StringValue": "12"},
        "seal": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        "kind": {"DataType": "String.custom", "StringValue": "x"},
    }
    sent = aws.sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)

    (message,) = aws.receive(url)

    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert len(sent["MD5OfMessageAttributes"]) == 32


def test_only_the_message_attributes_asked_for_arrive(aws: Aws) -> None:
    url = aws.queue("mail")
    attributes = {
        name: {"DataType": "String", "StringValue": name}
        for name in ("app.one", "app.two", "other")
    }
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)

    (message,) = aws.receive(url, MessageAttributeNames=["app.*"])

    assert set(message["MessageAttributes"]) == {"app.one", "app.two"}


def test_the_group_of_a_message_on_a_standard_queue_is_kept(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello", MessageGroupId="tenant-7")

    (message,) = aws.receive(url)

    assert message["Attributes"]["MessageGroupId"] == "tenant-7"


def test_an_empty_body_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    assert aws.refusal(aws.sqs.send_message, QueueUrl=url, MessageBody="") == "MissingParameter"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ufffe"])
def test_a_character_outside_xml_is_refused(aws: Aws, character: str) -> None:
    url = aws.queue("mail")

    code = aws.refusal(aws.sqs.send_message, QueueUrl=url, MessageBody=f"a{character}b")

    assert code == "InvalidMessageContents"


def test_a_message_of_one_mebibyte_passes_and_one_byte_more_does_not(aws: Aws) -> None:
    url = aws.queue("mail")

    aws.sqs.send_message(QueueUrl=url, MessageBody="x" * MEGABYTE)
    code = aws.refusal(aws.sqs.send_message, QueueUrl=url, MessageBody="x" * (MEGABYTE + 1))

    assert code == "InvalidParameterValue"


def test_a_queue_may_take_less_than_sqs_does(aws: Aws) -> None:
    url = aws.queue("mail", MaximumMessageSize=1024)

    assert aws.refusal(aws.sqs.send_message, QueueUrl=url, MessageBody="x" * 1025) == (
        "InvalidParameterValue"
    )


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("MaxNumberOfMessages", 0), ("MaxNumberOfMessages", 11), ("WaitTimeSeconds", 21)],
)
def test_a_receive_beyond_the_limits_is_refused(aws: Aws, parameter: str, value: int) -> None:
    url = aws.queue("mail")

    code = aws.refusal(aws.sqs.receive_message, QueueUrl=url, **{parameter: value})

    assert code == "InvalidParameterValue"


def test_a_received_message_is_invisible(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")

    assert len(aws.receive(url)) == 1
    assert aws.receive(url) == []
    attributes = aws.attributes(url)
    assert attributes["ApproximateNumberOfMessages"] == "0"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_message_comes_back_after_its_visibility_timeout(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    aws.receive(url, VisibilityTimeout=1)

    (again,) = aws.receive(url, WaitTimeSeconds=5)

    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_message_given_back_is_visible_at_once(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    aws.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )

    assert len(aws.receive(url)) == 1


def test_a_visibility_timeout_can_be_extended(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=1)
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    aws.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60
    )

    assert aws.receive(url, WaitTimeSeconds=2) == []


def test_the_visibility_of_a_message_that_is_not_in_flight_cannot_change(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=0)
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    code = aws.refusal(
        aws.sqs.change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=10,
    )

    assert code == "AWS.SimpleQueueService.MessageNotInflight"


def test_a_visibility_timeout_over_twelve_hours_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    code = aws.refusal(
        aws.sqs.change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=43_201,
    )

    assert code == "InvalidParameterValue"


def test_a_deleted_message_does_not_come_back(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=0)
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert aws.receive(url) == []


def test_deleting_twice_is_no_error(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    for _ in range(2):
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert aws.attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_receipt_handle_of_nothing_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    code = aws.refusal(aws.sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")

    assert code == "ReceiptHandleIsInvalid"


def test_a_stale_receipt_handle_deletes_nothing_and_is_no_error(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=0)
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (stale,) = aws.receive(url)
    (newer,) = aws.receive(url)

    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=stale["ReceiptHandle"])

    assert stale["ReceiptHandle"] != newer["ReceiptHandle"]
    assert len(aws.receive(url)) == 1


def test_a_delayed_message_waits(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello", DelaySeconds=1)

    assert aws.receive(url) == []
    assert aws.attributes(url)["ApproximateNumberOfMessagesDelayed"] == "1"
    assert len(aws.receive(url, WaitTimeSeconds=5)) == 1


def test_a_queue_may_delay_all_its_messages(aws: Aws) -> None:
    url = aws.queue("mail", DelaySeconds=60)
    aws.sqs.send_message(QueueUrl=url, MessageBody="late")
    aws.sqs.send_message(QueueUrl=url, MessageBody="soon", DelaySeconds=0)

    assert [message["Body"] for message in aws.receive(url)] == ["soon"]


def test_a_delay_over_fifteen_minutes_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    code = aws.refusal(aws.sqs.send_message, QueueUrl=url, MessageBody="x", DelaySeconds=901)

    assert code == "InvalidParameterValue"
