"""The SQS contract, batches: the same answers from moto and from our simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws


def entries(*bodies: str, **common: object) -> list[dict[str, Any]]:
    """Entries of a send batch, numbered from 0."""
    return [
        {"Id": str(number), "MessageBody": body, **common} for number, body in enumerate(bodies)
    ]


def test_a_batch_of_ten_arrives(aws: Aws) -> None:
    url = aws.queue("mail")

    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries(*"abcdefghij"))

    assert [entry["Id"] for entry in answer["Successful"]] == list("0123456789")
    assert answer.get("Failed", []) == []
    received = aws.receive(url)
    assert {message["Body"] for message in received} == set("abcdefghij")
    assert {message["MessageId"] for message in received} == {
        entry["MessageId"] for entry in answer["Successful"]
    }


def test_a_batch_of_eleven_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    code = aws.refusal(aws.sqs.send_message_batch, QueueUrl=url, Entries=entries(*"abcdefghijk"))

    assert code == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"


def test_an_empty_batch_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    assert (
        aws.refusal(aws.sqs.send_message_batch, QueueUrl=url, Entries=[])
        == "AWS.SimpleQueueService.EmptyBatchRequest"
    )


def test_ids_in_a_batch_must_differ(aws: Aws) -> None:
    url = aws.queue("mail")
    twice = [{"Id": "same", "MessageBody": body} for body in "ab"]

    code = aws.refusal(aws.sqs.send_message_batch, QueueUrl=url, Entries=twice)

    assert code == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


@pytest.mark.parametrize("entry_id", ["a.b", "x" * 81, ""])
def test_an_id_that_sqs_would_not_take_refuses_the_batch(aws: Aws, entry_id: str) -> None:
    url = aws.queue("mail")

    code = aws.refusal(
        aws.sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": entry_id, "MessageBody": "a"}]
    )

    assert code == "AWS.SimpleQueueService.InvalidBatchEntryId"


def test_a_batch_of_more_than_one_mebibyte_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")
    half = "x" * (1_048_576 // 2 + 1)

    code = aws.refusal(aws.sqs.send_message_batch, QueueUrl=url, Entries=entries(half, half))

    assert code == "AWS.SimpleQueueService.BatchRequestTooLong"


def test_one_bad_entry_fails_alone(aws: Aws) -> None:
    url = aws.queue("mail")

    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries("good", "b\x00d", "fine"))

    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "2"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"]) == ("1", "InvalidMessageContents")
    assert failed["SenderFault"] is True
    assert {message["Body"] for message in aws.receive(url)} == {"good", "fine"}


def test_entries_of_a_batch_may_be_delayed_each(aws: Aws) -> None:
    url = aws.queue("mail")
    both = [*entries("late", DelaySeconds=60), {"Id": "soon", "MessageBody": "soon"}]

    aws.sqs.send_message_batch(QueueUrl=url, Entries=both)

    assert [message["Body"] for message in aws.receive(url)] == ["soon"]


def test_messages_are_deleted_in_a_batch(aws: Aws) -> None:
    url = aws.queue("mail", VisibilityTimeout=0)
    aws.sqs.send_message_batch(QueueUrl=url, Entries=entries(*"abc"))
    handles = [
        {"Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"]}
        for message in aws.receive(url)
    ]

    answer = aws.sqs.delete_message_batch(QueueUrl=url, Entries=handles)

    assert {entry["Id"] for entry in answer["Successful"]} == {"a", "b", "c"}
    assert aws.receive(url) == []


def test_a_bad_handle_in_a_batch_fails_alone(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = aws.receive(url)

    answer = aws.sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": message["ReceiptHandle"]},
            {"Id": "bad", "ReceiptHandle": "nonsense"},
        ],
    )

    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"]) == ("bad", "ReceiptHandleIsInvalid")


def test_messages_are_given_back_in_a_batch(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message_batch(QueueUrl=url, Entries=entries(*"abc"))
    given_back = [
        {"Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
        for message in aws.receive(url)
    ]

    answer = aws.sqs.change_message_visibility_batch(QueueUrl=url, Entries=given_back)

    assert len(answer["Successful"]) == 3
    assert len(aws.receive(url)) == 3
