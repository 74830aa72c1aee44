"""The operations of SNS, from parsed fields to the fields of the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.sns import publishing, topics
from sandbox.aws.sns.errors import invalid_parameter
from sandbox.aws.sns.query import Entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.aws.service import Call
    from sandbox.aws.sns.delivery import Delivery
    from sandbox.aws.sns.topics import Subscription, Topic, Topics

Fields = dict[str, Any]

_PAGE = 100
_OWNERS_VERBS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
_EFFECTIVE_DELIVERY_POLICY = json.dumps(
    {
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20,
                "maxDelayTarget": 20,
                "numRetries": 3,
                "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0,
                "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": False,
        }
    }
)


class Operations:
    """One method per operation; what returns None has no output in the API."""

    def __init__(self, known: Topics, delivery: Delivery) -> None:
        self._topics = known
        self._delivery = delivery
        self.table: dict[str, Callable[[Call], Fields | None]] = {
            "CreateTopic": self._create_topic,
            "DeleteTopic": self._delete_topic,
            "ListTopics": self._list_topics,
            "GetTopicAttributes": self._get_topic_attributes,
            "SetTopicAttributes": self._set_topic_attributes,
            "Subscribe": self._subscribe,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptions": self._list_subscriptions,
            "ListSubscriptionsByTopic": self._list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self._get_subscription_attributes,
            "SetSubscriptionAttributes": self._set_subscription_attributes,
            "Publish": self._publish,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def _create_topic(self, call: Call) -> Fields:
        fields, request = call.params, call.request
        topic = self._topics.create(
            str(fields.get("Name", "")),
            request.region,
            request.base_url,
            fields.get("Attributes") or {},
        )
        topic.tags.update(_tags(fields))
        return {"TopicArn": topic.arn}

    def _delete_topic(self, call: Call) -> None:
        self._topics.by_arn.pop(str(call.params.get("TopicArn")), None)

    def _list_topics(self, call: Call) -> Fields:
        arns = sorted(self._topics.by_arn)
        return _page(call, "Topics", [(arn, {"TopicArn": arn}) for arn in arns])

    def _get_topic_attributes(self, call: Call) -> Fields:
        topic = self._topics.get(call.params.get("TopicArn"))
        attributes = {
            "TopicArn": topic.arn,
            "Owner": ACCOUNT_ID,
            "DisplayName": "",
            "Policy": _owners_policy(topic),
            "EffectiveDeliveryPolicy": _EFFECTIVE_DELIVERY_POLICY,
            "SubscriptionsConfirmed": str(len(topic.subscriptions)),
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": "0",
        }
        return {"Attributes": Entries(attributes | topic.attributes)}

    def _set_topic_attributes(self, call: Call) -> None:
        topic = self._topics.get(call.params.get("TopicArn"))
        name, value = _named_value(call)
        topics.check_topic_attribute(name, value)
        topic.attributes[name] = value

    def _subscribe(self, call: Call) -> Fields:
        fields = call.params
        topic = self._topics.get(fields.get("TopicArn"))
        subscription = self._topics.subscribe(
            topic,
            str(fields.get("Protocol", "")),
            str(fields.get("Endpoint", "")),
            fields.get("Attributes") or {},
        )
        return {"SubscriptionArn": subscription.arn}

    def _unsubscribe(self, call: Call) -> None:
        self._topics.unsubscribe(call.params.get("SubscriptionArn"))

    def _list_subscriptions(self, call: Call) -> Fields:
        every = (s for topic in self._topics.by_arn.values() for s in topic.subscriptions.values())
        return _subscriptions(call, every)

    def _list_subscriptions_by_topic(self, call: Call) -> Fields:
        topic = self._topics.get(call.params.get("TopicArn"))
        return _subscriptions(call, topic.subscriptions.values())

    def _get_subscription_attributes(self, call: Call) -> Fields:
        subscription = self._topics.subscription(call.params.get("SubscriptionArn"))
        attributes = {
            **_described(subscription),
            "RawMessageDelivery": "false",
            "PendingConfirmation": "false",
            "ConfirmationWasAuthenticated": "true",
            "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT_ID}:root",
        }
        return {"Attributes": Entries(attributes | subscription.attributes)}

    def _set_subscription_attributes(self, call: Call) -> None:
        subscription = self._topics.subscription(call.params.get("SubscriptionArn"))
        name, value = _named_value(call)
        topics.check_subscription_attribute(name, value)
        subscription.attributes[name] = value

    def _publish(self, call: Call) -> Fields:
        topic = self._topics.get(call.params.get("TopicArn", call.params.get("TargetArn")))
        notification = publishing.notification(topic, call.params)
        self._delivery.deliver(topic, notification)
        return {"MessageId": notification.message_id}

    def _tag(self, call: Call) -> Fields:
        self._topics.get(call.params.get("ResourceArn")).tags.update(_tags(call.params))
        return {}

    def _untag(self, call: Call) -> Fields:
        topic = self._topics.get(call.params.get("ResourceArn"))
        for key in call.params.get("TagKeys") or ():
            topic.tags.pop(key, None)
        return {}

    def _list_tags(self, call: Call) -> Fields:
        topic = self._topics.get(call.params.get("ResourceArn"))
        return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}


def _owners_policy(topic: Topic) -> str:
    """The policy of a topic that was given none: its own account may do everything."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{verb}" for verb in _OWNERS_VERBS],
        "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT_ID}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(policy)


def _tags(fields: Fields) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in fields.get("Tags") or ()}


def _named_value(call: Call) -> tuple[str, str]:
    name = call.params.get("AttributeName")
    if not name:
        raise invalid_parameter("AttributeName")
    return str(name), str(call.params.get("AttributeValue", ""))


def _described(subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.arn,
        "Owner": ACCOUNT_ID,
        "Protocol": "sqs",
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic_arn,
    }


def _subscriptions(call: Call, subscriptions: Iterable[Subscription]) -> Fields:
    items = sorted((s.arn, _described(s)) for s in subscriptions)
    return _page(call, "Subscriptions", items)


def _page(call: Call, key: str, items: list[tuple[str, dict[str, str]]]) -> Fields:
    after = str(call.params.get("NextToken", ""))
    left = [item for item in items if item[0] > after]
    answer: Fields = {key: [described for _, described in left[:_PAGE]]}
    if len(left) > _PAGE:
        answer["NextToken"] = left[_PAGE - 1][0]
    return answer
