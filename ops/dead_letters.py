"""Takes dead letters into the hand for a while; what is not disposed of is given back.

Calls: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from mailsluice import EnvelopeError, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

MESSAGES_PER_CALL = 10
# Above zero, or SQS asks some of its hosts only and finds nothing where there is something.
WAIT_SECONDS = 1

# To look takes moments; should this process die, nobody misses the letters for long.
PEEK_SECONDS = 30
# To move or discard takes longer, and what turns up twice meanwhile would be dealt with twice.
WORK_SECONDS = 300


@dataclass(frozen=True)
class DeadLetter:
    """A message as it lies on a dead-letter queue. `receive_count` counts this look as well."""

    sqs_message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    source_queue: str | None
    group: str | None
    attributes: dict[str, Any]


class Hand:
    """Holds letters of one queue, each once, invisible to others until the end of the block."""

    def __init__(self, sqs: SQSClient, url: str, *, visibility_seconds: int) -> None:
        self._sqs = sqs
        self._url = url
        self._visibility_seconds = visibility_seconds
        self._seen: set[str] = set()
        self._held: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    def batches(self, most: int | None = None) -> Iterator[list[DeadLetter]]:
        """Up to ten at a time, until `most` are taken or SQS shows nothing new any more."""
        left = most
        while left is None or left > 0:
            batch = self.take(MESSAGES_PER_CALL if left is None else left)
            if not batch:
                return
            left = None if left is None else left - len(batch)
            yield batch

    def take(self, most: int = MESSAGES_PER_CALL) -> list[DeadLetter]:
        """Up to ten letters that were not taken before."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(most, MESSAGES_PER_CALL),
            VisibilityTimeout=self._visibility_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        taken = [_letter(message) for message in answer.get("Messages", [])]
        self._held |= {letter.sqs_message_id: letter.receipt_handle for letter in taken}
        new = {each.sqs_message_id: each for each in taken if each.sqs_message_id not in self._seen}
        self._seen |= set(new)
        return list(new.values())

    def delete(self, letters: Sequence[DeadLetter]) -> dict[str, str]:
        """Delete at most ten for good; answers why by id for those that SQS did not delete."""
        if not letters:
            return {}
        entries: Any = [
            {"Id": str(index), "ReceiptHandle": letter.receipt_handle}
            for index, letter in enumerate(letters)
        ]
        answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        for each in answer.get("Successful", []):
            self._held.pop(letters[int(each["Id"])].sqs_message_id, None)
        return {
            letters[int(each["Id"])].sqs_message_id: told(each) for each in answer.get("Failed", [])
        }

    def _give_back(self) -> None:
        handles = list(self._held.values())
        # What cannot be given back comes back by itself when its time is up.
        with contextlib.suppress(BotoCoreError, ClientError):
            for chunk in chunks(handles, MESSAGES_PER_CALL):
                entries: Any = [
                    {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for index, handle in enumerate(chunk)
                ]
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def job_id(body: str) -> str | None:
    """The id of the job in an SQS body: of its message, or of the whole of a bulk job."""
    try:
        found = decode(body)
        return str(UUID(str(found.job.get("id", found.id))))
    except (EnvelopeError, ValueError):
        return None


def told(failed: Any) -> str:  # noqa: ANN401  a BatchResultErrorEntry, of any call
    """Why SQS did not do it for one entry of a batch."""
    return ": ".join(filter(None, (failed.get("Code"), failed.get("Message"))))


def chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """The items in lists of at most so many."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


def _letter(message: MessageTypeDef) -> DeadLetter:
    system: dict[str, str] = {str(name): text for name, text in message["Attributes"].items()}
    source = system.get("DeadLetterQueueSourceArn")
    return DeadLetter(
        sqs_message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        receive_count=int(system["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        source_queue=source.rpartition(":")[2] if source else None,
        group=system.get("MessageGroupId"),
        attributes=dict(message.get("MessageAttributes", {})),
    )
