"""The SQS contract, dead-letter queues: the same answers from moto and from our simulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws


def with_dead_letter_queue(aws: Aws, max_receive_count: int = 2) -> tuple[str, str]:
    """A queue whose messages are visible at once, and its dead-letter queue."""
    dead = aws.queue("dead")
    policy = {"deadLetterTargetArn": aws.arn_of(dead), "maxReceiveCount": max_receive_count}
    return aws.queue("mail", VisibilityTimeout=0, RedrivePolicy=json.dumps(policy)), dead


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(aws: Aws) -> None:
    mail, dead = with_dead_letter_queue(aws)
    sent = aws.sqs.send_message(
        QueueUrl=mail,
        MessageBody="poison",
        MessageAttributes={"stream": {"DataType": "String", "StringValue": "marketing"}},
    )

    received = [len(aws.receive(mail)) for _ in range(3)]

    assert received == [1, 1, 0]
    (message,) = aws.receive(dead)
    assert (message["Body"], message["MessageId"]) == ("poison", sent["MessageId"])
    assert message["MessageAttributes"]["stream"]["StringValue"] == "marketing"


def test_a_dead_letter_tells_which_queue_it_comes_from(aws: Aws) -> None:
    mail, dead = with_dead_letter_queue(aws, max_receive_count=1)
    aws.sqs.send_message(QueueUrl=mail, MessageBody="poison")

    for _ in range(2):
        aws.receive(mail)

    (message,) = aws.receive(dead)
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == aws.arn_of(mail)


def test_other_messages_are_received_while_one_is_moved(aws: Aws) -> None:
    mail, dead = with_dead_letter_queue(aws, max_receive_count=1)
    aws.sqs.send_message(QueueUrl=mail, MessageBody="old")
    aws.receive(mail)
    aws.sqs.send_message(QueueUrl=mail, MessageBody="new")

    assert [message["Body"] for message in aws.receive(mail)] == ["new"]
    assert [message["Body"] for message in aws.receive(dead)] == ["old"]


def test_the_redrive_policy_is_listed(aws: Aws) -> None:
    mail, dead = with_dead_letter_queue(aws, max_receive_count=7)

    policy = json.loads(aws.attributes(mail)["RedrivePolicy"])

    assert policy["deadLetterTargetArn"] == aws.arn_of(dead)
    assert int(policy["maxReceiveCount"]) == 7


def test_a_dead_letter_queue_knows_its_sources(aws: Aws) -> None:
    mail, dead = with_dead_letter_queue(aws)

    assert aws.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [mail]
    assert aws.sqs.list_dead_letter_source_queues(QueueUrl=mail)["queueUrls"] == []


def test_a_redrive_policy_to_nowhere_is_refused(aws: Aws) -> None:
    arn = f"arn:aws:sqs:eu-west-1:{aws.account_id}:nowhere"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})

    with pytest.raises(ClientError):
        aws.queue("mail", RedrivePolicy=policy)


def test_a_redrive_policy_without_a_count_is_refused(aws: Aws) -> None:
    policy = json.dumps({"deadLetterTargetArn": aws.arn_of(aws.queue("dead"))})

    with pytest.raises(ClientError) as refused:
        aws.queue("mail", RedrivePolicy=policy)

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
