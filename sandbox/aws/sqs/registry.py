"""All queues of the account, found by name, URL or ARN."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.sqs.attributes import DEFAULTS, checked, invalid_value, merged
from sandbox.aws.sqs.errors import (
    SqsError,
    invalid_parameter,
    missing_parameter,
    no_such_queue,
)
from sandbox.aws.sqs.queue import Queue, Whims

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PURGE_PAUSE_SECONDS = 60


class Registry:
    """The queues that exist."""

    def __init__(self) -> None:
        self.whims = Whims()
        self._queues: dict[str, Queue] = {}

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def create(self, name: str, region: str, attributes: dict[str, str]) -> Queue:
        """Create a queue, or give back the one that has this name and these attributes.

        Raises:
            SqsError: The name or a value is not permitted, or the queue exists with other values.
        """
        if name.endswith(".fifo"):
            raise SqsError("UnsupportedOperation", "This simulator has standard queues only.")
        if not _NAME.fullmatch(name):
            raise invalid_parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. "
                "1 to 80 in length"
            )
        existing = self._queues.get(name)
        if existing is not None:
            return _unless_different(existing, attributes)
        queue = Queue(name, region, merged(DEFAULTS, checked(attributes)), self.whims, self.by_arn)
        self._check_redrive(queue, attributes)
        self._queues[name] = queue
        return queue

    def configure(self, queue: Queue, attributes: dict[str, str]) -> None:
        """Change attributes of a queue.

        Raises:
            SqsError: A name or value is not permitted.
        """
        checked(attributes)
        self._check_redrive(queue, attributes)
        queue.configure(merged(queue.attributes, attributes))

    def delete(self, queue: Queue) -> None:
        del self._queues[queue.name]
        queue.close()

    def purge(self, queue: Queue) -> None:
        """Drop all messages of a queue.

        Raises:
            SqsError: The queue was purged less than 60 seconds ago.
        """
        now = time.monotonic()
        if now - queue.purged_at < _PURGE_PAUSE_SECONDS:
            raise SqsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every "
                f"{_PURGE_PAUSE_SECONDS} seconds.",
            )
        queue.purged_at = now
        queue.store.clear()

    def by_name(self, name: str) -> Queue:
        """The queue of this name.

        Raises:
            SqsError: There is none.
        """
        queue = self._queues.get(name)
        if queue is None:
            raise no_such_queue()
        return queue

    def by_url(self, url: object) -> Queue:
        """The queue of this URL, whichever host the URL names.

        Raises:
            SqsError: There is none.
        """
        if not url:
            raise missing_parameter("QueueUrl")
        return self.by_name(queue_name_of(url))

    def by_arn(self, arn: str) -> Queue | None:
        queue = self._queues.get(arn.rpartition(":")[2])
        return queue if queue is not None and queue.arn == arn else None

    def sources_of(self, dead_letter_queue: Queue) -> list[Queue]:
        """The queues whose redrive policy names this one."""
        arn = dead_letter_queue.arn
        return [queue for queue in self if queue.redrive and queue.redrive.target_arn == arn]

    def clear(self) -> None:
        """Delete every queue and be well-behaved again."""
        for queue in self:
            queue.close()
        self._queues.clear()
        self.whims = Whims()

    def _check_redrive(self, queue: Queue, attributes: dict[str, str]) -> None:
        policy = attributes.get("RedrivePolicy")
        if not policy:
            return
        target = self.by_arn(json.loads(policy)["deadLetterTargetArn"])
        if target is None or target is queue:
            raise invalid_value("RedrivePolicy", policy, "Dead letter target does not exist.")
        if not _allows(target.attributes.get("RedriveAllowPolicy"), queue.arn):
            raise invalid_value(
                "RedrivePolicy", policy, "Dead letter target does not allow this source queue."
            )


def queue_name_of(url: object) -> str:
    return str(url).rstrip("/").rpartition("/")[2]


def queue_url(base_url: str, queue: Queue) -> str:
    return f"{base_url}/{ACCOUNT_ID}/{queue.name}"


def _allows(policy: str | None, source_arn: str) -> bool:
    if not policy:
        return True
    document = json.loads(policy)
    permission = document.get("redrivePermission")
    if permission == "byQueue":
        return source_arn in list(document.get("sourceQueueArns", ()))
    return bool(permission != "denyAll")


def _unless_different(queue: Queue, wanted: dict[str, str]) -> Queue:
    for name, value in wanted.items():
        if queue.attributes.get(name) != value:
            raise SqsError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )
    return queue
