"""Everything that a worker process is made of, put together once."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception_type, sleep_using_event, wait_exponential_jitter

from config import aws
from db import pacing, refused
from worker.delivery import Delivery, Done, GiveBack
from worker.gatekeeper import Gatekeeper
from worker.jobs import JobRefusedError, understand
from worker.pacer import Pacer
from worker.recorder import Recorder
from worker.ses.sender import Sender
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from config.health import Progress
    from config.settings import Settings
    from config.streams import Stream
    from worker.metrics import WorkerMetrics
    from worker.transport import Received

log = structlog.get_logger(__name__)

# Who may look further ahead goes first: what bulk mail has reserved already is all that a password
# reset ever waits for.
PACE_AHEAD_SECONDS = {"high": 0.5, "normal": 0.2, "low": 0.1}
RECEIVE_PROGRESS_SECONDS = 120.0
DATABASE_RETRY_MOST_SECONDS = 5.0


class Runtime:
    """A worker's parts, and what the transport and the task ask of them."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        metrics: WorkerMetrics,
        progress: Progress,
        *,
        publishing_sets: frozenset[str] = frozenset(),
    ) -> None:
        self.stopping = threading.Event()
        self.gatekeeper = Gatekeeper(engine, self.stopping, progress)
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._progress = progress
        self._stream_of_queue = {stream.queue: name for name, stream in settings.streams.items()}
        recorder = Recorder(engine, settings, gatekeeper=self.gatekeeper, metrics=metrics)
        self._delivery = Delivery(
            engine,
            settings,
            pacers={name: self._pacer(stream) for name, stream in settings.streams.items()},
            gatekeeper=self.gatekeeper,
            sender=Sender(aws.ses_sender(settings)),
            recorder=recorder,
            metrics=metrics,
            publishing_sets=publishing_sets,
        )

    def deliver(self, payload: object, received: Received) -> Done | GiveBack:
        """Deliver one job.

        Raises:
            JobRefusedError: it cannot be understood; it has been written down with the reason.
        """
        # While every slot is taken nothing is received, and each job that ends is the progress.
        self._beat_all()
        try:
            job = understand(
                payload,
                self._settings.streams,
                sent_at_epoch_seconds=received.sent_at_epoch_seconds,
            )
        except JobRefusedError as error:
            self._refuse_job(payload, received, str(error))
            raise
        try:
            return self._while_database_is_away(partial(self._delivery.deliver, job))
        except StoppingError:
            return GiveBack(0)
        except Exception as error:
            self._refuse_job(payload, received, f"the worker failed: {type(error).__name__}")
            raise

    def _refuse_job(self, payload: object, received: Received, reason: str) -> None:
        self.refuse(received.queue, received.message_id, reason, body=json.dumps(payload))

    def refuse(self, queue: str, sqs_message_id: str, reason: str, *, body: str) -> None:
        """Write down a message that cannot be understood; the queue's redrive takes it away."""
        self._metrics.record_outcome(self._stream_of_queue.get(queue, ""), "refused")
        log.warning("message refused", queue=queue, sqs_message_id=sqs_message_id, reason=reason)
        refused.keep(
            self._engine, queue=queue, sqs_message_id=sqs_message_id, reason=reason, body=body
        )

    def refuse_envelope(self, queue: str, sqs_message: dict[str, Any], reason: str) -> None:
        """The transport found no task message in the envelope."""
        self.refuse(
            queue, sqs_message.get("MessageId", ""), reason, body=sqs_message.get("Body", "")
        )

    def may_receive(self, queue: str) -> bool:
        """Whether the gate of the queue's stream is open."""
        if self.gatekeeper.is_open(self._stream_of_queue[queue]):
            return True
        # A shut gate is a decision, not a loop that stands still.
        self._progress.beat(_loop(queue))
        return False

    def _beat_all(self) -> None:
        for queue in self._stream_of_queue:
            self._progress.beat(_loop(queue))

    def expect_receives(self, streams: Mapping[str, Stream]) -> None:
        """From now on every one of these queues must be asked again and again."""
        for stream in streams.values():
            self._progress.expect(_loop(stream.queue), within_seconds=RECEIVE_PROGRESS_SECONDS)

    def receive_ended(self, queue: str) -> None:
        """SQS answered a receive."""
        self._progress.beat(_loop(queue))
        self._metrics.record_receive(queue, "ok")

    def receive_failed(self, queue: str, _error: Exception) -> None:
        """A receive failed. The loop goes round all the same: an outage is no stuck process."""
        self._progress.beat(_loop(queue))
        self._metrics.record_receive(queue, "error")

    def _pacer(self, stream: Stream) -> Pacer:
        terms = pacing.Terms(
            region=self._settings.aws_region,
            stream=stream.name,
            ahead_seconds=PACE_AHEAD_SECONDS[stream.priority],
            share=stream.share,
            utilisation=self._settings.rate_utilisation,
            most_per_second=self._settings.send_rate_per_second,
        )
        return Pacer(partial(pacing.reserve, self._engine, terms), self.stopping)

    def _while_database_is_away(self, deliver: partial[Done | GiveBack]) -> Done | GiveBack:
        """Wait here with the message in hand: giving it back would cost it a receive each time."""
        retrying = Retrying(
            retry=retry_if_exception_type((OperationalError, InterfaceError)),
            wait=wait_exponential_jitter(multiplier=0.2, max=DATABASE_RETRY_MOST_SECONDS),
            sleep=sleep_using_event(self.stopping),
            stop=lambda _: self.stopping.is_set(),
            retry_error_callback=lambda _: GiveBack(0),
        )
        return retrying(deliver)


def _loop(queue: str) -> str:
    return f"receive:{queue}"
