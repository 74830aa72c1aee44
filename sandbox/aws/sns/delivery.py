"""Carries a notification into the subscribed queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aws.policies import admits
from sandbox.aws.sns.envelope import Notification, wrap
from sandbox.aws.sqs.messages import new_message

if TYPE_CHECKING:
    from sandbox.aws.sns.settings import SnsSettings
    from sandbox.aws.sns.signing import Signer
    from sandbox.aws.sns.topics import Subscription, Topic
    from sandbox.aws.sqs.queue import Queue
    from sandbox.aws.sqs.registry import Registry

_MAX_RAW_ATTRIBUTES = 10


class Delivery:
    """Delivers to SQS; what cannot be delivered goes to the subscription's dead-letter queue."""

    def __init__(self, queues: Registry, signer: Signer, settings: SnsSettings) -> None:
        self._queues = queues
        self._signer = signer
        self._settings = settings

    def deliver(self, topic: Topic, notification: Notification) -> None:
        """Put the notification into every subscribed queue that takes it."""
        for subscription in topic.subscriptions.values():
            queue = self._queues.by_arn(subscription.endpoint)
            if (
                queue is None
                or not self._may_send(queue, topic)
                or _is_refused(subscription, notification)
            ):
                queue = self._queues.by_arn(subscription.dead_letter_arn or "")
            if queue is not None:
                self._put(queue, topic, subscription, notification)

    def _may_send(self, queue: Queue, topic: Topic) -> bool:
        policy = queue.attributes.get("Policy")
        if not policy:
            return not self._settings.enforce_policies
        return admits(
            policy,
            service="sns.amazonaws.com",
            action="sqs:SendMessage",
            resource=queue.arn,
            source_arn=topic.arn,
        )

    def _put(
        self, queue: Queue, topic: Topic, subscription: Subscription, notification: Notification
    ) -> None:
        if subscription.is_raw:
            queue.put(new_message(notification.message, dict(notification.attributes), {}))
        else:
            body = self._wrapped(topic, subscription, notification)
            queue.put(new_message(body, {}, {}))
        queue.settle()

    def _wrapped(self, topic: Topic, subscription: Subscription, notification: Notification) -> str:
        return wrap(
            notification,
            self._signer,
            signature_version=topic.signature_version,
            certificate_url=self._settings.certificate_url
            or topic.base_url + self._signer.certificate_path,
            unsubscribe_url=f"{topic.base_url}/?Action=Unsubscribe&SubscriptionArn="
            f"{subscription.arn}",
        )


def _is_refused(subscription: Subscription, notification: Notification) -> bool:
    return subscription.is_raw and len(notification.attributes) > _MAX_RAW_ATTRIBUTES
