"""Enqueues for the command line: with our own settings, into the queues of our own streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.aws import check_credentials, sqs
from mailsluice import EnqueueInterruptedError, Mailsluice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from config.settings import Settings
    from mailsluice import Message, Report


@dataclass(frozen=True)
class NotQueued:
    """A message that did not get into its queue, as far as is known."""

    id: UUID
    reason: str


@dataclass(frozen=True)
class Enqueued:
    """What became of the messages, in their order. `interrupted`: why it ended early."""

    queued: list[UUID]
    failed: list[NotQueued] = field(default_factory=list)
    interrupted: str | None = None


class _StreamQueues(Mailsluice):
    """A stream of these settings may have a queue of another name."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(queue_prefix=settings.queue_prefix, sqs_client=sqs(settings))
        self._streams = settings.streams

    def queue_name(self, stream: str) -> str:
        return self._streams[stream].queue


def enqueue(settings: Settings, messages: Sequence[Message]) -> Enqueued:
    """Put messages of known streams into their queues.

    Raises:
        ConfigurationError: region or credentials are missing.
        MailsluiceError: a single message could not be enqueued.
    """
    check_credentials(settings)
    with _StreamQueues(settings) as queues:
        if len(messages) == 1:
            return Enqueued([queues.send(messages[0])])
        try:
            return _accounted(messages, queues.send_many(messages))
        except EnqueueInterruptedError as error:
            return _accounted(messages, error.report, error.why)


def _accounted(messages: Sequence[Message], report: Report, why: str | None = None) -> Enqueued:
    queued = set(report.queued)
    reasons = {failure.id: failure.reason for failure in report.failed}
    return Enqueued(
        queued=[message.id for message in messages if message.id in queued],
        failed=[
            NotQueued(message.id, reasons.get(message.id, "it was not tried any more"))
            for message in messages
            if message.id not in queued
        ],
        interrupted=why,
    )
