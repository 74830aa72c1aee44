"""Everything that a worker process is made of, put together once."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from config import aws, failpoints
from config.process import Shutdown
from db import pacing, refused
from db.outages import is_outage
from worker.delivery import Delivery, Done, GiveBack, SuspectError
from worker.gatekeeper import Gatekeeper
from worker.jobs import JobRefusedError, understand
from worker.pacer import Pacer, late_at_most_seconds
from worker.patience import Patience
from worker.prober import Prober
from worker.recorder import Recorder
from worker.ses.post import SesPost
from worker.ses.sender import Sender
from worker.stopping import StoppingError
from worker.suspects import LOST_CLAIMS_OF_A_SUSPECT, Suspects
from worker.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from config.health import Progress
    from config.settings import Settings
    from config.streams import Stream
    from db.pacing import Full, NoRate, Reserved
    from worker.metrics import WorkerMetrics
    from worker.transport import Received

log = structlog.get_logger(__name__)

# Who may look further ahead goes first: what bulk mail has reserved already is all that a password
# reset ever waits for.
PACE_AHEAD_SECONDS = {"high": 0.5, "normal": 0.2, "low": 0.1}
RECEIVE_PROGRESS_SECONDS = 120.0
NAMED_AT_MOST = 50


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
        apart: bool = False,
    ) -> None:
        """`apart` is true in the child process in which suspects are tried."""
        self.shutdown = Shutdown(
            settings.shutdown_seconds, left=self._left_behind, writing=self._is_writing
        )
        self.stopping = self.shutdown.stopping
        self._in_work: set[str] = set()
        self.gatekeeper = Gatekeeper(engine, self.stopping, progress)
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._progress = progress
        self._stream_of_queue = {stream.queue: name for name, stream in settings.streams.items()}
        self._patience = Patience(self.stopping, self._beat_all, hurried=self.shutdown.hurried)
        recorder = Recorder(
            engine,
            settings,
            gatekeeper=self.gatekeeper,
            metrics=metrics,
            patience=self._patience,
        )
        self._trials = Trials(publishing_sets, self.stopping)
        self.suspects = Suspects(
            engine, self._patience, self._trials, self.stopping, refuse=self._refuse_suspect
        )
        self._sender = Sender(SesPost(aws.ses_sender(settings), settings))
        self._delivery = Delivery(
            engine=engine,
            settings=settings,
            pacers={name: self._pacer(stream) for name, stream in settings.streams.items()},
            gatekeeper=self.gatekeeper,
            sender=self._sender,
            recorder=recorder,
            metrics=metrics,
            patience=self._patience,
            publishing_sets=publishing_sets,
            most_lost_claims=None if apart else LOST_CLAIMS_OF_A_SUSPECT,
        )
        self.prober = Prober(
            engine, settings, gatekeeper=self.gatekeeper, deliver=self._delivery.deliver
        )

    def close(self) -> None:
        """Let go what the process holds outside of it."""
        self._trials.close()
        self._sender.close()

    def deliver(self, payload: object, received: Received) -> Done | GiveBack:
        """Deliver one job.

        Raises:
            JobRefusedError: it cannot be understood; it has been written down with the reason.
        """
        # While every slot is taken nothing is received, and each job that ends is the progress.
        self._beat_all()
        self._in_work.add(received.message_id)
        try:
            return self._deliver(payload, received)
        finally:
            self._in_work.discard(received.message_id)

    def _deliver(self, payload: object, received: Received) -> Done | GiveBack:
        failpoints.now_about(payload)
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
            return self._delivery.deliver(job)
        except StoppingError:
            return GiveBack(0)
        except SuspectError as error:
            self.suspects.remember(received, lost_claims=error.lost_claims)
            return GiveBack(0)
        except Exception as error:
            if is_outage(error):
                return GiveBack(self._settings.lease_seconds)
            self._refuse_job(payload, received, f"the worker failed: {type(error).__name__}")
            raise

    def _left_behind(self) -> dict[str, object]:
        """For the last log line: SQS shows these again, or an event tells what became of them."""
        in_work = sorted(self._in_work)
        return {"in_work": len(in_work), "sqs_message_ids": in_work[:NAMED_AT_MOST]}

    def _is_writing(self) -> bool:
        return self._patience.is_writing

    def _refuse_job(self, payload: object, received: Received, reason: str) -> None:
        self.refuse(received.queue, received.message_id, reason, body=_written(payload))

    def refuse(self, queue: str, sqs_message_id: str, reason: str, *, body: str) -> None:
        """Write down a message that cannot be understood; the queue's redrive takes it away.

        Raises:
            StoppingError: the process goes down and the database is away.
        """
        times_seen = self._patience.until_done(
            lambda: refused.keep(
                self._engine, queue=queue, sqs_message_id=sqs_message_id, reason=reason, body=body
            )
        )
        log.warning(
            "message refused",
            queue=queue,
            sqs_message_id=sqs_message_id,
            reason=reason,
            times_seen=times_seen,
        )
        if times_seen == 1:
            self._metrics.record_outcome(self._stream_of_queue.get(queue, ""), "refused")

    def _refuse_suspect(self, queue: str, sqs_message_id: str, reason: str, body: str) -> None:
        self.refuse(queue, sqs_message_id, reason, body=body)

    def refuse_envelope(self, queue: str, sqs_message: dict[str, Any], reason: str) -> None:
        """The transport found no task message in the envelope."""
        self.refuse(
            queue, sqs_message.get("MessageId", ""), reason, body=sqs_message.get("Body", "")
        )

    def may_receive(self, queue: str) -> bool:
        """Whether the gate of the queue's stream is open."""
        if self.gatekeeper.may_receive(self._stream_of_queue[queue]):
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
        return Pacer(
            partial(self._reserve, terms),
            self.stopping,
            late_at_most_seconds=late_at_most_seconds(self._settings.rate_utilisation),
        )

    def _reserve(self, terms: pacing.Terms, tokens: int, lapsed: int) -> Reserved | Full | NoRate:
        # Waiting for tokens is work that goes on, and may last while nothing is received.
        self._beat_all()
        return pacing.reserve(self._engine, terms, tokens, lapsed=lapsed)


def _loop(queue: str) -> str:
    return f"receive:{queue}"


def _written(payload: object) -> str:
    try:
        return json.dumps(payload)
    except (ValueError, RecursionError):
        return "(nested too deeply to be written down here; the dead-letter queue has it)"
