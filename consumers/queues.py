"""The event queue on SQS.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from config import aws
from config.checks import check_retention
from config.event_queues import queue_reference
from config.queues import DEPTH, depth_in, depth_of, queue_attributes, queue_url
from consumers.authenticity import Authenticity, admit_all
from consumers.fields import moment
from consumers.witness import HIDDEN_FOR_LAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from config.settings import Settings
    from consumers.authenticity import Admit

log = structlog.get_logger(__name__)

MESSAGES_PER_CALL = 10
LONGEST_HIDDEN_SECONDS = 3600


@dataclass(frozen=True)
class QueueMessage:
    """A message as it was received; `sent_at` is when it was put on the queue.

    `receives`: how often SQS has handed it out.
    """

    id: str
    receipt_handle: str
    body: str
    sent_at: datetime
    queue: str = ""
    receives: int = 1

    @property
    def size_bytes(self) -> int:
        """What its body takes of the memory."""
        return sys.getsizeof(self.body)


@dataclass(frozen=True)
class DeadLetters:
    """Where SQS moves what was received too often, as the queue's `RedrivePolicy` says it."""

    policy: str = ""
    url: str | None = None


class EventQueue:
    """One queue of events. Every method is one attempt, and raises what boto3 raises.

    `admit` and `admit_fetching` say whether a message of it may be believed; only the second asks
    for certificates.
    """

    def __init__(
        self,
        client: SQSClient,
        name: str,
        url: str,
        *,
        hidden_seconds: int,
        dead_letters: DeadLetters = DeadLetters(),
        authenticity: Authenticity | None = None,
    ) -> None:
        """What is received stays hidden from other consumers for `hidden_seconds`.

        `dead_letters`: as far as they are known at the start.
        """
        self.name = name
        self._hidden_seconds = hidden_seconds
        self.admit: Admit = authenticity.admit if authenticity else admit_all
        self.admit_fetching: Admit = authenticity.admit_fetching if authenticity else admit_all
        self._client = client
        self._url = url
        self._dead_letters = dead_letters

    def receive(self, *, wait_seconds: int) -> list[QueueMessage]:
        """Up to ten messages; a wait above zero asks all of SQS's hosts."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MESSAGES_PER_CALL,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._hidden_seconds,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        )
        return [_received(message, self.name) for message in answer.get("Messages", [])]

    def delete(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Delete them; answers those that SQS did not delete."""
        left = []
        for group in self.groups(messages):
            answer = self._client.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt_handle}
                    for number, message in enumerate(group)
                ],
            )
            left += [group[int(failure["Id"])] for failure in answer.get("Failed", [])]
        return left

    def hide_longer(self, messages: Sequence[QueueMessage]) -> None:
        """Leave them on the queue, hidden for the longer the more often they were received.

        Never for less than they are anyway: the proof that a queue is drained rests on that.
        """
        for group in self.groups([each for each in messages if each.receives > 1]):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": message.receipt_handle,
                        "VisibilityTimeout": self._hidden_again_seconds(message.receives),
                    }
                    for number, message in enumerate(group)
                ],
            )

    def _hidden_again_seconds(self, receives: int) -> int:
        grown = min(LONGEST_HIDDEN_SECONDS, self._hidden_seconds << min(receives - 1, 16))
        return max(self._hidden_seconds, grown)

    @staticmethod
    def groups(messages: Sequence[QueueMessage]) -> Iterator[Sequence[QueueMessage]]:
        """As many of them as one call takes, and again."""
        for start in range(0, len(messages), MESSAGES_PER_CALL):
            yield messages[start : start + MESSAGES_PER_CALL]

    def close(self) -> None:
        """Let the connections go that nobody uses."""
        self._client.close()

    def holds_nothing(self) -> bool:
        """Whether by SQS's counts no message is visible, delayed, in hands or a dead letter.

        Raises ConfigurationError, too: its dead-letter queue cannot be found.
        """
        found = self._client.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=[*DEPTH, "RedrivePolicy"]
        )["Attributes"]
        if depth_in(found).total:
            return False
        # In the same call as the counts: a queue that is attached at any time is never missed.
        dead_letters_url = self._dead_letters_at(found.get("RedrivePolicy", ""))
        return dead_letters_url is None or not depth_of(self._client, dead_letters_url).total

    def _dead_letters_at(self, policy: str) -> str | None:
        if policy != self._dead_letters.policy:
            self._dead_letters = DeadLetters(policy, _dead_letters_url(self._client, policy))
            log.info("the dead-letter queue is another now", queue=self.name)
        return self._dead_letters.url


def find_queues(settings: Settings) -> list[EventQueue]:
    """The configured event queues, ours first.

    Raises:
        ConfigurationError: there is no such queue, or SQS cannot be asked.
    """
    aws.check_credentials(settings)
    return [find_queue(settings, written) for written in settings.events_queue_names]


def find_queue(settings: Settings, written: str) -> EventQueue:
    """One of the configured event queues, under the name that the settings give it.

    Raises:
        ConfigurationError: there is no such queue, or SQS cannot be asked.
    """
    wanted = queue_reference(written)
    at_home = settings.model_copy(update={"aws_region": wanted.region or settings.aws_region})
    sqs = aws.sqs(at_home)
    url = wanted.url or queue_url(sqs, wanted.name, account=wanted.account)
    attributes = queue_attributes(sqs, written, url)
    check_retention(written, attributes)
    authenticity = Authenticity.of(
        settings, queue_arn=attributes.get("QueueArn", ""), endpoint_url=sqs.meta.endpoint_url
    )
    policy = attributes.get("RedrivePolicy", "")
    return EventQueue(
        aws.sqs_receiver(at_home),
        written,
        url,
        hidden_seconds=math.ceil(HIDDEN_FOR_LAGS * settings.sqs_counts_lag_seconds),
        dead_letters=DeadLetters(policy, _dead_letters_url(sqs, policy)),
        authenticity=authenticity,
    )


def _dead_letters_url(sqs: SQSClient, policy: str) -> str | None:
    """Where its dead letters go: an event among them is as unheard as one that is on the queue."""
    if not policy:
        return None
    target = queue_reference(json.loads(policy)["deadLetterTargetArn"])
    return queue_url(sqs, target.name, account=target.account)


def _received(message: MessageTypeDef, queue: str) -> QueueMessage:
    attributes = message.get("Attributes", {})
    sent_ms = attributes.get("SentTimestamp", "")
    receives = attributes.get("ApproximateReceiveCount", "")
    sent_at = moment(int(sent_ms)) if sent_ms.isdecimal() else None
    return QueueMessage(
        id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message.get("Body", ""),
        sent_at=sent_at or datetime.now(UTC),
        queue=queue,
        receives=int(receives) if receives.isdecimal() else 1,
    )
