"""Puts parked messages that are due back on SQS."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import structlog

from db.parking import DueMessage, mark_dispatched, take_due
from mailsluice import DELIVER, envelope_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Engine
    from types_boto3_sqs import SQSClient

    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)

DUE_AT_ONCE = 500
TAKEN_FOR_SECONDS = 120.0
BATCH_MESSAGES = 10
BATCH_BYTES = 1_048_576


class Dispatcher:
    """One pass sends everything that is due at this moment."""

    def __init__(
        self,
        engine: Engine,
        sqs: SQSClient,
        queues: Mapping[str, tuple[str, str]],
        metrics: SchedulerMetrics,
    ) -> None:
        """`queues` maps a stream to its queue's name and URL."""
        self._engine = engine
        self._sqs = sqs
        self._queues = queues
        self._metrics = metrics

    def dispatch_due(self) -> None:
        """Send what is due. What could not be sent comes due again by itself.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SQS is away.
            sqlalchemy.exc.OperationalError: the database is away.
        """
        while True:
            due = take_due(
                self._engine,
                sorted(self._queues),
                most=DUE_AT_ONCE,
                lease_seconds=TAKEN_FOR_SECONDS,
            )
            for stream, messages in _by_stream(due).items():
                for batch in _batches(messages, self._queues[stream][0]):
                    self._send(stream, batch)
            if len(due) < DUE_AT_ONCE:
                return

    def _send(self, stream: str, batch: Sequence[tuple[DueMessage, str]]) -> None:
        answer = self._sqs.send_message_batch(
            QueueUrl=self._queues[stream][1],
            Entries=[_entry(index, *each) for index, each in enumerate(batch)],  # type: ignore[misc]
        )
        sent = [batch[int(entry["Id"])][0] for entry in answer.get("Successful", [])]
        for failed in answer.get("Failed", []):
            log.warning(
                "SQS refused a parked message",
                message_id=str(batch[int(failed["Id"])][0].id),
                code=failed["Code"],
            )
        mark_dispatched(self._engine, sent)
        self._metrics.record_dispatched(stream, len(sent))


def _by_stream(due: Sequence[DueMessage]) -> dict[str, list[DueMessage]]:
    streams: dict[str, list[DueMessage]] = defaultdict(list)
    for message in due:
        streams[message.stream].append(message)
    return streams


def _batches(
    messages: Sequence[DueMessage], queue_name: str
) -> Iterator[list[tuple[DueMessage, str]]]:
    """At most ten messages and one MiB each: SQS's limits of a batch."""
    batch: list[tuple[DueMessage, str]] = []
    size_bytes = 0
    for message in messages:
        body = envelope_for(DELIVER, message.payload, message.id, queue_name)
        if batch and (len(batch) == BATCH_MESSAGES or size_bytes + len(body) > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append((message, body))
        size_bytes += len(body)
    if batch:
        yield batch


def _entry(index: int, message: DueMessage, body: str) -> dict[str, Any]:
    entry = {"Id": str(index), "MessageBody": body}
    tenant = message.payload.get("tenant")
    return entry | ({"MessageGroupId": tenant} if tenant else {})
