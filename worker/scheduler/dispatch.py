"""Puts parked messages that are due back on SQS."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from db import parking
from db.ledger import Why
from mailsluice.wire import MAX_SQS_BYTES
from worker.scheduler.batches import batches, pack
from worker.scheduler.posting import post

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Engine
    from types_boto3_sqs import SQSClient

    from db.parking import DueMessage
    from worker.scheduler.batches import Parcel
    from worker.scheduler.metrics import SchedulerMetrics

    Unsent = dict[UUID, DueMessage]

log = structlog.get_logger(__name__)

# Each of them may be a MiB.
DUE_AT_ONCE = 100
# Longer than a turn and one more call that times out.
TAKEN_FOR_SECONDS = 60.0
# A turn ends after so long, though a call under way is waited for.
TURN_SECONDS = 20.0
# A queue that cannot be written to is left alone for so long, and holds no other up meanwhile.
REST_SECONDS = 2.0
# A message that SQS refused is not the first in line again.
REFUSED_SECONDS = 30.0

TOO_LARGE = Why(
    "TooLarge",
    f"The job is larger than the {MAX_SQS_BYTES:,} bytes that SQS takes, so that it cannot be put "
    "back on its queue. Send less text, or link to large files.",
)


class Dispatcher:
    """Sends what is due, turn by turn. Trouble of one message or queue stays its own."""

    def __init__(
        self,
        engine: Engine,
        sqs: SQSClient,
        queues: Mapping[str, tuple[str, str]],
        metrics: SchedulerMetrics,
        stopping: threading.Event,
    ) -> None:
        """`queues` maps a stream to its queue's name and URL; `sqs` should not retry by itself."""
        self._engine = engine
        self._sqs = sqs
        self._queues = queues
        self._metrics = metrics
        self._stopping = stopping
        self._rests_until = dict.fromkeys(queues, 0.0)

    def dispatch_due(self) -> bool:
        """Send one turn's worth of what is due; answers whether there may be more at this moment.

        What could not be sent is parked again.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; what was taken comes due again.
        """
        due = parking.take_due(
            self._engine,
            self._streams_to_serve(),
            most=DUE_AT_ONCE,
            lease_seconds=TAKEN_FOR_SECONDS,
            on_unreadable=_report_unreadable,
        )
        unsent = {message.id: message for message in due}
        ends_at = time.monotonic() + TURN_SECONDS
        try:
            for stream, messages in _by_stream(due).items():
                self._dispatch(stream, messages, unsent, ends_at)
                if self._is_over(ends_at):
                    break
        finally:
            parking.give_back(self._engine, list(unsent.values()))
        return len(due) == DUE_AT_ONCE or bool(unsent)

    def _streams_to_serve(self) -> list[str]:
        return sorted(stream for stream in self._queues if not self._rests(stream))

    def _rests(self, stream: str) -> bool:
        return time.monotonic() < self._rests_until[stream]

    def _is_over(self, ends_at: float) -> bool:
        return self._stopping.is_set() or time.monotonic() >= ends_at

    def _dispatch(
        self, stream: str, messages: Sequence[DueMessage], unsent: Unsent, ends_at: float
    ) -> None:
        for batch in batches(self._pack(stream, messages, unsent)):
            self._send(stream, batch, unsent)
            if self._is_over(ends_at) or self._rests(stream):
                return

    def _pack(
        self, stream: str, messages: Sequence[DueMessage], unsent: Unsent
    ) -> Iterator[Parcel]:
        for message in messages:
            parcel = pack(message, self._queues[stream][0])
            if parcel is None:
                self._end(message, unsent)
            else:
                yield parcel

    def _send(self, stream: str, batch: Sequence[Parcel], unsent: Unsent) -> None:
        posted = post(self._sqs, self._queues[stream][1], batch)
        for message in (*posted.sent, *posted.refused):
            del unsent[message.id]
        parking.mark_dispatched(self._engine, posted.sent)
        parking.give_back(self._engine, posted.refused, after_seconds=REFUSED_SECONDS)
        self._metrics.record_dispatched(stream, len(posted.sent))
        if posted.trouble is not None:
            self._rests_until[stream] = time.monotonic() + REST_SECONDS
            log.warning("queue takes no mail, tried again soon", stream=stream, code=posted.trouble)

    def _end(self, message: DueMessage, unsent: Unsent) -> None:
        del unsent[message.id]
        if parking.fail(self._engine, [message], TOO_LARGE):
            self._metrics.record_undispatchable(message.stream, TOO_LARGE.code)
            log.warning("a parked message failed", message_id=str(message.id), code=TOO_LARGE.code)


def _report_unreadable(message_id: UUID) -> None:
    log.error(
        "a parked message cannot be read: MAILSLUICE_ENCRYPTION_KEYS lacks the key that it was "
        "encrypted with",
        message_id=str(message_id),
    )


def _by_stream(due: Sequence[DueMessage]) -> dict[str, list[DueMessage]]:
    streams: dict[str, list[DueMessage]] = defaultdict(list)
    for message in due:
        streams[message.stream].append(message)
    return streams
