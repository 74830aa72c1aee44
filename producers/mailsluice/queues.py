"""Finds the queues of the streams."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from mailsluice.failures import is_missing_queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient

Answer = TypeVar("Answer")


class Queues:
    """Knows the URLs of queues by name. Safe to share between threads."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs
        self._urls: dict[str, str] = {}
        self._lock = threading.Lock()

    def call(self, queue_name: str, call: Callable[[str], Answer]) -> Answer:
        """Call with the queue's URL; once more with a fresh one if the queue is gone from there.

        Raises:
            ClientError, BotoCoreError: whatever boto3 raises.
        """
        known = self._urls.get(queue_name)
        if known is not None:
            try:
                return call(known)
            except ClientError as error:
                if not is_missing_queue(error):
                    raise
        return call(self._look_up(queue_name, known))

    def _look_up(self, queue_name: str, stale: str | None) -> str:
        with self._lock:
            known = self._urls.get(queue_name)
            # Another thread may have looked it up while this one waited for the lock.
            if known is not None and known != stale:
                return known
            self._urls.pop(queue_name, None)
            url = self._sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
            self._urls[queue_name] = url
            return url
