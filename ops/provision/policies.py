"""Who may publish to the topic, and who may send to the events queue.

AWS: "Giving Amazon SES permission to publish to your Amazon SNS topic" (SES developer guide) and
"Subscribing an Amazon SQS queue to an Amazon SNS topic" (SNS developer guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.provision.attributes import Attributes, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.provision.account import Place

VERSION = "2012-10-17"


def only_topic_sends(place: Place, queue: str, topic: str) -> Attributes:
    """A queue's policy: SNS may send to it, for this one topic of this account."""
    statement = {
        "Sid": "EventsFromTheTopic",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": place.arn("sqs", queue),
        "Condition": {
            "ArnEquals": {"aws:SourceArn": place.arn("sns", topic)},
            "StringEquals": {"aws:SourceAccount": place.account_id},
        },
    }
    return {"Policy": document({"Version": VERSION, "Statement": [statement]})}


def only_ses_publishes(place: Place, topic: str, configuration_sets: Sequence[str]) -> Attributes:
    """The topic's policy: SES may publish to it, for these configuration sets of this account."""
    sources = [place.arn("ses", f"configuration-set/{name}") for name in configuration_sets]
    statement = {
        "Sid": "EventsFromSES",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": place.arn("sns", topic),
        "Condition": {
            "StringEquals": {
                "AWS:SourceAccount": place.account_id,
                "AWS:SourceArn": sources,
            }
        },
    }
    return {"Policy": document({"Version": VERSION, "Statement": [statement]})}
