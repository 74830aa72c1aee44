"""The SQS contract, queues: the same answers from moto and from our simulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws


def test_the_url_of_a_queue_is_on_the_endpoint_the_request_came_to(aws: Aws) -> None:
    url = aws.queue("mail")

    assert url == f"{aws.endpoint_url}/{aws.account_id}/mail"


def test_creating_a_queue_twice_gives_the_same_queue(aws: Aws) -> None:
    assert aws.queue("mail", VisibilityTimeout=45) == aws.queue("mail", VisibilityTimeout=45)


def test_a_queue_is_not_created_again_with_other_attributes(aws: Aws) -> None:
    aws.queue("mail", VisibilityTimeout=45)

    with pytest.raises(aws.sqs.exceptions.QueueNameExists) as refused:
        aws.queue("mail", VisibilityTimeout=46)

    assert refused.value.response["Error"]["Code"] == "QueueAlreadyExists"


def test_a_new_queue_has_the_defaults_of_sqs(aws: Aws) -> None:
    url = aws.queue("mail")

    attributes = aws.attributes(url)

    assert attributes["QueueArn"] == f"arn:aws:sqs:eu-west-1:{aws.account_id}:mail"
    assert attributes["VisibilityTimeout"] == "30"
    assert attributes["DelaySeconds"] == "0"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["MaximumMessageSize"] == "1048576"
    assert attributes["ReceiveMessageWaitTimeSeconds"] == "0"
    assert attributes["ApproximateNumberOfMessages"] == "0"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "0"
    assert float(attributes["CreatedTimestamp"]) > 1_700_000_000


def test_only_the_attributes_asked_for_are_answered(aws: Aws) -> None:
    url = aws.queue("mail")

    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])

    assert answer["Attributes"] == {"VisibilityTimeout": "30"}


def test_attributes_change_when_set(aws: Aws) -> None:
    url = aws.queue("mail")

    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})

    assert aws.attributes(url)["VisibilityTimeout"] == "77"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("VisibilityTimeout", "43201"),
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
    ],
)
def test_an_attribute_out_of_range_is_refused_at_creation(
    aws: Aws, attribute: str, value: str
) -> None:
    code = aws.refusal(aws.sqs.create_queue, QueueName="mail", Attributes={attribute: value})

    assert code == "InvalidAttributeValue"


def test_a_visibility_timeout_over_twelve_hours_is_refused_when_set(aws: Aws) -> None:
    url = aws.queue("mail")

    code = aws.refusal(
        aws.sqs.set_queue_attributes, QueueUrl=url, Attributes={"VisibilityTimeout": "43201"}
    )

    assert code == "InvalidAttributeValue"


def test_an_unknown_attribute_is_refused(aws: Aws) -> None:
    url = aws.queue("mail")

    code = aws.refusal(
        aws.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["ApproximateColour"]
    )

    assert code == "InvalidAttributeName"


@pytest.mark.parametrize("name", ["with.dot", "a" * 81, "sp ace"])
def test_a_name_that_sqs_would_not_take_is_refused(aws: Aws, name: str) -> None:
    assert aws.refusal(aws.sqs.create_queue, QueueName=name) == "InvalidParameterValue"


def test_a_missing_queue_is_known_by_class_and_by_code(aws: Aws) -> None:
    with pytest.raises(aws.sqs.exceptions.QueueDoesNotExist) as missing:
        aws.sqs.get_queue_url(QueueName="nowhere")

    error = missing.value.response["Error"]
    assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("operation", ["receive_message", "purge_queue", "delete_queue"])
def test_nothing_works_on_a_queue_that_does_not_exist(aws: Aws, operation: str) -> None:
    url = f"{aws.endpoint_url}/{aws.account_id}/nowhere"

    with pytest.raises(aws.sqs.exceptions.QueueDoesNotExist):
        getattr(aws.sqs, operation)(QueueUrl=url)


def test_queues_are_listed_by_prefix(aws: Aws) -> None:
    transactional, _ = aws.queue("mail-transactional"), aws.queue("events")

    assert aws.sqs.list_queues(QueueNamePrefix="mail-")["QueueUrls"] == [transactional]
    assert "QueueUrls" not in aws.sqs.list_queues(QueueNamePrefix="other")


def test_queues_are_listed_in_pages(aws: Aws) -> None:
    urls = {aws.queue(f"mail-{number}") for number in range(5)}

    pages = list(aws.sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2}))

    listed = [url for page in pages for url in page["QueueUrls"]]
    assert [len(page["QueueUrls"]) for page in pages] == [2, 2, 1]
    assert set(listed) == urls


def test_a_deleted_queue_is_gone(aws: Aws) -> None:
    url = aws.queue("mail")

    aws.sqs.delete_queue(QueueUrl=url)

    with pytest.raises(aws.sqs.exceptions.QueueDoesNotExist):
        aws.sqs.get_queue_url(QueueName="mail")


def test_a_purged_queue_is_empty(aws: Aws) -> None:
    url = aws.queue("mail")
    aws.sqs.send_message(QueueUrl=url, MessageBody="hello")

    aws.sqs.purge_queue(QueueUrl=url)

    assert aws.receive(url) == []


def test_tags_are_kept(aws: Aws) -> None:
    url = aws.sqs.create_queue(QueueName="mail", tags={"team": "post"})["QueueUrl"]

    aws.sqs.tag_queue(QueueUrl=url, Tags={"stage": "test"})
    assert aws.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "post", "stage": "test"}

    aws.sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert aws.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "test"}


def test_a_policy_is_kept_as_given(aws: Aws) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    url = aws.queue("mail", Policy=policy)

    assert json.loads(aws.attributes(url)["Policy"]) == json.loads(policy)
