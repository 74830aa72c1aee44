"""Topics, and the queues subscribed to them."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.sns.errors import (
    SnsError,
    invalid_parameter,
    subscription_not_found,
    topic_not_found,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_QUEUE_ARN = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}")
_MAX_MESSAGE_BYTES = (1024, 1_048_576)
_BOOLEANS = {"true", "false"}

DEFAULT_MAX_MESSAGE_BYTES = 262_144


def _is_document(value: str) -> bool:
    try:
        return not value or isinstance(json.loads(value), dict)
    except ValueError:
        return False


def _is_message_size(value: str) -> bool:
    low, high = _MAX_MESSAGE_BYTES
    return value.isdecimal() and low <= int(value) <= high


_TOPIC_ATTRIBUTES: dict[str, Callable[[str], bool]] = {
    "DisplayName": lambda value: len(value) <= 100,  # noqa: PLR2004  SNS's own limit
    "Policy": _is_document,
    "DeliveryPolicy": _is_document,
    "SignatureVersion": {"1", "2"}.__contains__,
    "KmsMasterKeyId": lambda _: True,
    "TracingConfig": {"PassThrough", "Active"}.__contains__,
    "MaximumMessageSize": _is_message_size,
}
_SUBSCRIPTION_ATTRIBUTES: dict[str, Callable[[str], bool]] = {
    "RawMessageDelivery": lambda value: value.lower() in _BOOLEANS,
    "RedrivePolicy": _is_document,
    "DeliveryPolicy": _is_document,
}


@dataclass(slots=True)
class Topic:
    """A standard topic.

    Attributes:
        base_url: The endpoint under which its creator reached the simulator.
    """

    arn: str
    base_url: str
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    @property
    def signature_version(self) -> str:
        return self.attributes.get("SignatureVersion", "1")

    @property
    def max_message_bytes(self) -> int:
        return int(self.attributes.get("MaximumMessageSize", DEFAULT_MAX_MESSAGE_BYTES))


@dataclass(slots=True)
class Subscription:
    """A queue's subscription to a topic."""

    arn: str
    topic_arn: str
    endpoint: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def is_raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery", "false").lower() == "true"

    @property
    def dead_letter_arn(self) -> str | None:
        policy = self.attributes.get("RedrivePolicy")
        return str(json.loads(policy).get("deadLetterTargetArn")) if policy else None


class Topics:
    """All topics of the account."""

    def __init__(self) -> None:
        self.by_arn: dict[str, Topic] = {}

    def create(self, name: str, region: str, base_url: str, attributes: dict[str, str]) -> Topic:
        """Create a topic, or give back the one of this name.

        Raises:
            SnsError: The name or an attribute is unfit, or the topic exists with other attributes.
        """
        if not _TOPIC_NAME.fullmatch(name) or attributes.get("FifoTopic", "false") != "false":
            raise invalid_parameter("Topic Name")
        attributes = {key: value for key, value in attributes.items() if key != "FifoTopic"}
        for key, value in attributes.items():
            check_topic_attribute(key, value)
        arn = f"arn:aws:sns:{region}:{ACCOUNT_ID}:{name}"
        topic = self.by_arn.setdefault(arn, Topic(arn, base_url, dict(attributes)))
        if any(topic.attributes.get(key) != value for key, value in attributes.items()):
            raise invalid_parameter(
                "Attributes Reason: Topic already exists with different attributes"
            )
        return topic

    def get(self, arn: object) -> Topic:
        """The topic of this ARN.

        Raises:
            SnsError: There is none.
        """
        topic = self.by_arn.get(str(arn))
        if topic is None:
            raise topic_not_found()
        return topic

    def subscription(self, arn: object) -> Subscription:
        """The subscription of this ARN.

        Raises:
            SnsError: There is none.
        """
        topic = self.by_arn.get(str(arn).rpartition(":")[0])
        subscription = topic.subscriptions.get(str(arn)) if topic else None
        if subscription is None:
            raise subscription_not_found()
        return subscription

    def subscribe(
        self, topic: Topic, protocol: str, endpoint: str, attributes: dict[str, str]
    ) -> Subscription:
        """Subscribe a queue, or give back its subscription.

        Raises:
            SnsError: Not a queue, an unfit attribute, or subscribed with other attributes.
        """
        if protocol != "sqs":
            raise invalid_parameter(f"Amazon SNS here delivers to sqs only, not to {protocol}")
        if not _QUEUE_ARN.fullmatch(endpoint):
            raise invalid_parameter("SQS endpoint ARN")
        for name, value in attributes.items():
            check_subscription_attribute(name, value)
        for subscription in topic.subscriptions.values():
            if subscription.endpoint == endpoint:
                return _unless_different(subscription, attributes)
        arn = f"{topic.arn}:{uuid.uuid4()}"
        topic.subscriptions[arn] = Subscription(arn, topic.arn, endpoint, dict(attributes))
        return topic.subscriptions[arn]

    def unsubscribe(self, arn: object) -> None:
        """Remove a subscription; one that does not exist is no error."""
        topic = self.by_arn.get(str(arn).rpartition(":")[0])
        if topic is not None:
            topic.subscriptions.pop(str(arn), None)


def check_topic_attribute(name: str, value: str) -> None:
    """Refuse what SetTopicAttributes refuses.

    Raises:
        SnsError: The name is unknown, or the value unfit.
    """
    _check(_TOPIC_ATTRIBUTES, name, value)


def check_subscription_attribute(name: str, value: str) -> None:
    """Refuse what SetSubscriptionAttributes refuses.

    Raises:
        SnsError: The name is unknown, or the value unfit.
    """
    if name.startswith("FilterPolicy"):
        raise invalid_parameter(f"{name} is not offered by this simulator")
    _check(_SUBSCRIPTION_ATTRIBUTES, name, value)


def _check(known: dict[str, Callable[[str], bool]], name: str, value: str) -> None:
    fits = known.get(name)
    if fits is None:
        raise invalid_parameter("AttributeName")
    if not fits(value):
        raise SnsError(
            "InvalidParameter", f"Invalid parameter: Attributes Reason: {name}: unfit value"
        )


def _unless_different(subscription: Subscription, wanted: dict[str, str]) -> Subscription:
    if any(subscription.attributes.get(name) != value for name, value in wanted.items()):
        raise invalid_parameter(
            "Attributes Reason: Subscription already exists with different attributes"
        )
    return subscription
