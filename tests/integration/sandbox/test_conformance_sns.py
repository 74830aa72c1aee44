"""The SNS contract: the same answers from moto and from our simulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws


@pytest.fixture
def topic(aws: Aws) -> str:
    return aws.sns.create_topic(Name="ses-events")["TopicArn"]


@pytest.fixture
def inbox(aws: Aws) -> str:
    return aws.queue("inbox")


def subscribe(aws: Aws, topic: str, queue: str, **attributes: str) -> str:
    """Subscribe a queue; returns the subscription's ARN."""
    return aws.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=aws.arn_of(queue),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]


def test_creating_a_topic_twice_gives_the_same_topic(aws: Aws, topic: str) -> None:
    assert topic == f"arn:aws:sns:eu-west-1:{aws.account_id}:ses-events"
    assert aws.sns.create_topic(Name="ses-events")["TopicArn"] == topic
    assert aws.sns.list_topics()["Topics"] == [{"TopicArn": topic}]


@pytest.mark.parametrize("name", ["with space", "", "x" * 257])
def test_a_topic_name_that_sns_would_not_take_is_refused(aws: Aws, name: str) -> None:
    assert aws.refusal(aws.sns.create_topic, Name=name) == "InvalidParameter"


def test_a_topic_counts_its_subscriptions(aws: Aws, topic: str, inbox: str) -> None:
    subscribe(aws, topic, inbox)

    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]

    assert attributes["SubscriptionsConfirmed"] == "1"


def test_a_topic_keeps_its_signature_version(aws: Aws, topic: str) -> None:
    aws.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2"
    )

    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]

    assert attributes["SignatureVersion"] == "2"


def test_a_topic_knows_its_attributes(aws: Aws, topic: str) -> None:
    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]

    assert attributes["TopicArn"] == topic
    assert attributes["Owner"] == aws.account_id
    assert attributes["SubscriptionsPending"] == "0"
    assert json.loads(attributes["Policy"])["Statement"]


def test_a_policy_given_to_a_topic_is_kept(aws: Aws, topic: str) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    kept = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert json.loads(kept) == json.loads(policy)


def test_an_unknown_topic_is_not_found(aws: Aws) -> None:
    nowhere = f"arn:aws:sns:eu-west-1:{aws.account_id}:nowhere"

    assert aws.refusal(aws.sns.get_topic_attributes, TopicArn=nowhere) == "NotFound"
    assert aws.refusal(aws.sns.publish, TopicArn=nowhere, Message="hello") == "NotFound"
    assert (
        aws.refusal(
            aws.sns.subscribe,
            TopicArn=nowhere,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:eu-west-1:{aws.account_id}:inbox",
        )
        == "NotFound"
    )


def test_a_deleted_topic_is_gone_with_its_subscriptions(aws: Aws, topic: str, inbox: str) -> None:
    subscribe(aws, topic, inbox)

    aws.sns.delete_topic(TopicArn=topic)

    assert aws.sns.list_topics()["Topics"] == []
    assert aws.sns.list_subscriptions()["Subscriptions"] == []


def test_deleting_a_topic_that_does_not_exist_is_no_error(aws: Aws) -> None:
    nowhere = f"arn:aws:sns:eu-west-1:{aws.account_id}:nowhere"

    answer = aws.sns.delete_topic(TopicArn=nowhere)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_subscribing_a_queue_twice_gives_the_same_subscription(
    aws: Aws, topic: str, inbox: str
) -> None:
    assert subscribe(aws, topic, inbox) == subscribe(aws, topic, inbox)
    (listed,) = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["Endpoint"] == aws.arn_of(inbox)
    assert listed["Protocol"] == "sqs"
    assert aws.sns.list_subscriptions()["Subscriptions"] == [listed]


def test_a_subscription_knows_its_attributes(aws: Aws, topic: str, inbox: str) -> None:
    arn = subscribe(aws, topic, inbox)

    attributes = aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    assert attributes["SubscriptionArn"] == arn
    assert attributes["TopicArn"] == topic
    assert attributes["Endpoint"] == aws.arn_of(inbox)
    assert attributes["Protocol"] == "sqs"
    assert attributes["RawMessageDelivery"] == "false"
    assert attributes["PendingConfirmation"] == "false"


def test_an_unknown_subscription_is_not_found(aws: Aws, topic: str) -> None:
    nowhere = f"{topic}:00000000-0000-0000-0000-000000000000"

    assert aws.refusal(aws.sns.get_subscription_attributes, SubscriptionArn=nowhere) == "NotFound"
    assert (
        aws.refusal(
            aws.sns.set_subscription_attributes,
            SubscriptionArn=nowhere,
            AttributeName="RawMessageDelivery",
            AttributeValue="true",
        )
        == "NotFound"
    )


def test_an_unknown_attribute_of_a_subscription_is_refused(
    aws: Aws, topic: str, inbox: str
) -> None:
    arn = subscribe(aws, topic, inbox)

    code = aws.refusal(
        aws.sns.set_subscription_attributes,
        SubscriptionArn=arn,
        AttributeName="Colour",
        AttributeValue="red",
    )

    assert code == "InvalidParameter"


def test_a_message_arrives_in_its_envelope(aws: Aws, topic: str, inbox: str) -> None:
    subscribe(aws, topic, inbox)
    published = aws.sns.publish(
        TopicArn=topic,
        Message='{"eventType": "Send"}\n',
        Subject="Amazon SES Email Event Notification",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "send"}},
    )

    (message,) = aws.receive(inbox)

    envelope = json.loads(message["Body"])
    assert envelope["Type"] == "Notification"
    assert envelope["MessageId"] == published["MessageId"]
    assert envelope["TopicArn"] == topic
    assert envelope["Subject"] == "Amazon SES Email Event Notification"
    assert envelope["Message"] == '{"eventType": "Send"}\n'
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "send"}}
    assert envelope["Timestamp"].endswith("Z")
    assert len(envelope["Timestamp"]) == len("2026-01-02T03:04:05.678Z")
    for field in ("SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"):
        assert envelope[field]


def test_an_envelope_without_subject_or_attributes_does_not_mention_them(
    aws: Aws, topic: str, inbox: str
) -> None:
    subscribe(aws, topic, inbox)
    aws.sns.publish(TopicArn=topic, Message="hello")

    (message,) = aws.receive(inbox)

    assert not {"Subject", "MessageAttributes"} & set(json.loads(message["Body"]))


def test_raw_delivery_brings_the_message_and_its_attributes_alone(
    aws: Aws, topic: str, inbox: str
) -> None:
    arn = subscribe(aws, topic, inbox)
    aws.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    aws.sns.publish(
        TopicArn=topic,
        Message="hello\n",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "send"}},
    )

    (message,) = aws.receive(inbox)

    assert message["Body"] == "hello\n"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "send"


def test_every_subscribed_queue_gets_its_copy(aws: Aws, topic: str) -> None:
    queues = [aws.queue(f"inbox-{number}") for number in range(3)]
    for queue in queues:
        subscribe(aws, topic, queue, RawMessageDelivery="true")

    aws.sns.publish(TopicArn=topic, Message="hello")

    assert [aws.receive(queue)[0]["Body"] for queue in queues] == ["hello"] * 3


def test_nothing_arrives_after_unsubscribing(aws: Aws, topic: str, inbox: str) -> None:
    arn = subscribe(aws, topic, inbox)

    aws.sns.unsubscribe(SubscriptionArn=arn)
    aws.sns.publish(TopicArn=topic, Message="hello")

    assert aws.receive(inbox) == []
    assert aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_an_empty_message_is_refused(aws: Aws, topic: str) -> None:
    assert aws.refusal(aws.sns.publish, TopicArn=topic, Message="") == "InvalidParameter"


def test_a_subject_of_more_than_a_hundred_characters_is_refused(aws: Aws, topic: str) -> None:
    code = aws.refusal(aws.sns.publish, TopicArn=topic, Message="hello", Subject="x" * 101)

    assert code == "InvalidParameter"


def test_a_message_over_the_limit_is_refused(aws: Aws, topic: str) -> None:
    code = aws.refusal(aws.sns.publish, TopicArn=topic, Message="x" * (262_144 + 1))

    assert code == "InvalidParameter"


def test_a_message_may_differ_by_protocol(aws: Aws, topic: str, inbox: str) -> None:
    subscribe(aws, topic, inbox, RawMessageDelivery="true")
    variants = json.dumps({"default": "for all", "sqs": "for queues"})

    aws.sns.publish(TopicArn=topic, Message=variants, MessageStructure="json")

    assert aws.receive(inbox)[0]["Body"] == "for queues"


def test_tags_of_a_topic_are_kept(aws: Aws) -> None:
    arn = aws.sns.create_topic(Name="tagged", Tags=[{"Key": "team", "Value": "post"}])["TopicArn"]

    aws.sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    aws.sns.untag_resource(ResourceArn=arn, TagKeys=["team"])

    tags = aws.sns.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "stage", "Value": "test"}]
