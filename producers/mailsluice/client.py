"""The way into the queues."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from mailsluice.errors import ConfigurationError, EnqueueError, QueueNotFoundError
from mailsluice.failures import SDK_ERRORS, Scope, cause_of
from mailsluice.posting import Poster
from mailsluice.queues import Queues
from mailsluice.run import Run
from mailsluice.wire import envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from uuid import UUID

    from types_boto3_sqs import SQSClient

    from mailsluice.message import Message
    from mailsluice.report import Report

DEFAULT_QUEUE_PREFIX: Final = "mailsluice"
DEFAULT_CONCURRENCY: Final = 4
MAX_CONCURRENCY: Final = 32

# A queue's name has at most 80 characters: prefix, hyphen, stream of at most 40.
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,39}")

# A message that is sent twice keeps its id and is mailed once: calls may be repeated freely.
_SQS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=MAX_CONCURRENCY,
)


class Mailsluice:
    """Enqueues mail. One object serves a whole application, from any number of threads."""

    def __init__(
        self,
        *,
        region: str | None = None,
        queue_prefix: str = DEFAULT_QUEUE_PREFIX,
        sqs_client: SQSClient | None = None,
    ) -> None:
        """Take queues `{queue_prefix}-{stream}` in `region`; boto3 finds the rest.

        A given `sqs_client` brings its own region, endpoint, credentials and time-outs.

        Raises:
            ConfigurationError: there is no region, or the prefix cannot begin a queue's name.
        """
        if not _PREFIX.fullmatch(queue_prefix):
            raise ConfigurationError(
                f"The queue prefix {queue_prefix!r} must be 1 to 39 of A-Z, a-z, 0-9, - and _."
            )
        self._prefix = queue_prefix
        self._sqs = sqs_client or _new_client(region)
        self._queues = Queues(self._sqs)

    @classmethod
    def from_env(cls) -> Self:
        """Take AWS_REGION and MAILSLUICE_QUEUE_PREFIX from the environment.

        Credentials and endpoints come by boto3's own chain (AWS_ENDPOINT_URL_SQS and so on).
        """
        return cls(
            region=os.environ.get("AWS_REGION") or None,
            queue_prefix=os.environ.get("MAILSLUICE_QUEUE_PREFIX") or DEFAULT_QUEUE_PREFIX,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to SQS."""
        self._sqs.close()

    def queue_name(self, stream: str) -> str:
        """The name of a stream's queue."""
        return f"{self._prefix}-{stream}"

    def send(self, message: Message) -> UUID:
        """Enqueue one message and return its id. When this returns, SQS has it.

        Raises:
            MessageError: it is larger than SQS takes.
            QueueNotFoundError: its stream has no queue.
            EnqueueError: SQS did not take it, or did not say so; sending it again is safe.
        """
        queue_name = self.queue_name(message.stream)
        body = envelope(message, queue_name)
        try:
            self._queues.call(queue_name, lambda url: self._put(url, body, message.tenant))
        except SDK_ERRORS as error:
            cause = cause_of(error, queue_name)
            kind = QueueNotFoundError if cause.scope is Scope.QUEUE else EnqueueError
            raise kind(cause.sentence) from error
        return message.id

    def send_many(
        self,
        messages: Iterable[Message | Mapping[str, Any]],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> Report:
        """Enqueue any number of messages, ten to a call, `concurrency` calls at a time.

        The messages are taken as there is room for them and not kept: the report holds 16 bytes
        for each that is queued. An item may be a mapping of the arguments of `Message`; what is
        no valid message is reported as failed, and the others go on. A message waits up to a
        second for others of its stream, as long as more keep coming.

        Raises:
            EnqueueInterruptedError: the iterable raised, or no call passes any more. Its report
                tells what is queued and how many messages were taken.
        """
        threads = min(max(concurrency, 1), MAX_CONCURRENCY)
        with ThreadPoolExecutor(threads, thread_name_prefix="mailsluice") as pool:
            poster = Poster(self._sqs, self._queues)
            return Run(poster, self.queue_name, pool, threads).over(messages)

    def _put(self, queue_url: str, body: str, tenant: str | None) -> None:
        # On a standard queue the group keeps one tenant's backlog from delaying the others.
        if tenant is None:
            self._sqs.send_message(QueueUrl=queue_url, MessageBody=body)
        else:
            self._sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=tenant)


def _new_client(region: str | None) -> SQSClient:
    try:
        return boto3.session.Session(region_name=region).client("sqs", config=_SQS_CONFIG)
    except BotoCoreError as error:
        raise ConfigurationError(
            f"No client for SQS could be made ({error}). Set AWS_REGION, or give region=..."
        ) from error
