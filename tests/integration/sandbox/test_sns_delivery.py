"""What cannot be delivered is lost, or goes to the subscription's dead-letter queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws


def topic_to(simulator: Aws, endpoint: str, **attributes: str) -> str:
    """A topic with one subscription."""
    topic = simulator.sns.create_topic(Name="events")["TopicArn"]
    simulator.sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes
    )
    return topic


def policy_for(source_arn: str) -> str:
    """A queue policy that lets one topic send."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_notification_to_a_queue_that_is_gone_goes_to_the_dead_letter_queue(
    simulator: Aws,
) -> None:
    dead = simulator.queue("dead")
    nowhere = "arn:aws:sqs:eu-west-1:000000000000:nowhere"
    redrive = json.dumps({"deadLetterTargetArn": simulator.arn_of(dead)})
    topic = topic_to(simulator, nowhere, RedrivePolicy=redrive)

    simulator.sns.publish(TopicArn=topic, Message="hello")

    (message,) = simulator.receive(dead)
    assert json.loads(message["Body"])["Message"] == "hello"


def test_a_queue_policy_decides_which_topic_may_send(simulator: Aws) -> None:
    inbox = simulator.queue("inbox")
    topic = topic_to(simulator, simulator.arn_of(inbox), RawMessageDelivery="true")

    for source in ("arn:aws:sns:eu-west-1:000000000000:other", topic):
        simulator.sqs.set_queue_attributes(
            QueueUrl=inbox, Attributes={"Policy": policy_for(source)}
        )
        simulator.sns.publish(TopicArn=topic, Message=source)

    assert [message["Body"] for message in simulator.receive(inbox)] == [topic]


def test_a_queue_without_a_policy_gets_nothing_when_policies_are_enforced(
    simulator: Aws, control: Control
) -> None:
    inbox = simulator.queue("inbox")
    topic = topic_to(simulator, simulator.arn_of(inbox))
    control.sns(enforce_policies=True)

    simulator.sns.publish(TopicArn=topic, Message="hello")

    assert simulator.receive(inbox) == []


def test_raw_delivery_of_more_than_ten_attributes_fails(simulator: Aws) -> None:
    inbox = simulator.queue("inbox")
    topic = topic_to(simulator, simulator.arn_of(inbox), RawMessageDelivery="true")
    attributes = {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)}

    simulator.sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)

    assert simulator.receive(inbox) == []


def test_a_larger_message_passes_where_the_topic_allows_it(simulator: Aws) -> None:
    inbox = simulator.queue("inbox")
    topic = topic_to(simulator, simulator.arn_of(inbox), RawMessageDelivery="true")
    simulator.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1048576"
    )

    simulator.sns.publish(TopicArn=topic, Message="x" * 500_000)

    assert len(simulator.receive(inbox)[0]["Body"]) == 500_000
