"""The life of a message in a worker: pace, claim, send, record. Nothing is sent without a claim."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from db.claims import Busy, Candidate, Claimed, Settled, claim
from db.ledger import Held, Why, release
from mailsluice import normalise_address
from worker.ses import request as ses_request
from worker.ses.outcomes import Halt, Scope, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from config.settings import Settings
    from worker.gatekeeper import Gatekeeper
    from worker.jobs import Job
    from worker.metrics import WorkerMetrics
    from worker.pacer import Pacer, Slot
    from worker.recorder import Recorder
    from worker.ses.outcomes import Outcome
    from worker.ses.sender import Sender

log = structlog.get_logger(__name__)

BUSY_MARGIN_SECONDS = 1.0

_GATE_SHUT = Halt(
    "gate_shut", Why("GateShut", "Sending is halted; it goes on by itself."), Scope.GATE
)


@dataclass(frozen=True)
class Done:
    """The ledger answers for the message: its SQS message can be deleted."""


@dataclass(frozen=True)
class GiveBack:
    """Leave the message on SQS, to be received again after so long."""

    after_seconds: float


class Delivery:
    """Delivers jobs, one call of `deliver` each, from as many threads as wanted."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        pacers: Mapping[str, Pacer],
        gatekeeper: Gatekeeper,
        sender: Sender,
        recorder: Recorder,
        metrics: WorkerMetrics,
        publishing_sets: frozenset[str],
    ) -> None:
        """`publishing_sets`: the configuration sets whose events settle an unknown outcome."""
        self._engine = engine
        self._settings = settings
        self._pacers = pacers
        self._gatekeeper = gatekeeper
        self._sender = sender
        self._recorder = recorder
        self._metrics = metrics
        self._publishing_sets = publishing_sets
        self._longest_call_seconds = (
            settings.connect_timeout_seconds + settings.ses_read_timeout_seconds
        )

    def deliver(self, job: Job) -> Done | GiveBack:
        """Bring the job as far as it goes now.

        The slot is reserved first and the claim taken while it comes, so that a lease covers one
        call to SES and not the queue before it, and expiry and suppression are looked up at the
        last moment.

        Raises:
            StoppingError: the process goes down; the message is nobody's.
            sqlalchemy.exc.OperationalError: the database is away; nothing was sent.
        """
        recipients = sorted({normalise_address(each) for each in job.message.recipients()})
        pacer = self._pacers[job.stream.name]
        while True:
            began = time.monotonic()
            slot = pacer.reserve(len(recipients))
            lease_ends = time.monotonic() + self._settings.lease_seconds
            claimed = self._claim(job, recipients)
            if not isinstance(claimed, Claimed):
                pacer.give_back(slot, len(recipients))
                return self._not_ours(job, claimed)
            pacer.give_back(slot, len(claimed.blocked))
            outcome = self._attempt(job, claimed, slot, lease_ends)
            self._metrics.record_pacing_wait(job.stream.name, max(0.0, slot.at - began))
            if outcome is None:
                continue
            self._recorder.record(job, claimed, outcome)
            if not isinstance(outcome, Throttled):
                return Done()

    def _claim(self, job: Job, recipients: list[str]) -> Claimed | Settled | Busy:
        return claim(
            self._engine,
            self._candidate(job, recipients),
            lease_seconds=self._settings.lease_seconds,
            grace_seconds=self._settings.unknown_grace_seconds,
        )

    def _attempt(self, job: Job, claimed: Claimed, slot: Slot, lease_ends: float) -> Outcome | None:
        """Send under the claim. None: there was no time left for it, and the claim is released."""
        try:
            prepared = self._prepare(job, claimed)
            if isinstance(prepared, Halt):
                return prepared
            self._pacers[job.stream.name].wait_for(slot)
        except Exception:
            # Nothing has left: the claim must not end as an unknown outcome.
            release(self._engine, Held(job.message.id, claimed.attempt))
            raise
        if time.monotonic() + self._longest_call_seconds > lease_ends:
            release(self._engine, Held(job.message.id, claimed.attempt))
            return None
        began = time.monotonic()
        outcome = self._sender.send(prepared)
        self._metrics.record_call(time.monotonic() - began)
        return outcome

    def _prepare(self, job: Job, claimed: Claimed) -> dict[str, Any] | Halt:
        if not self._gatekeeper.is_open(job.stream.name):
            return _GATE_SHUT
        sender = ses_request.default_sender(self._settings)
        if job.message.from_ is None and sender is None:
            return ses_request.no_sender()
        return ses_request.build(
            job.message, job.stream, sender=sender or "", blocked=claimed.blocked
        )

    def _not_ours(self, job: Job, found: Settled | Busy) -> Done | GiveBack:
        if isinstance(found, Busy):
            self._metrics.record_outcome(job.stream.name, "busy")
            return GiveBack(found.seconds + BUSY_MARGIN_SECONDS)
        outcome = str(found.state) if found.by_this_claim else "already_done"
        self._metrics.record_outcome(job.stream.name, outcome)
        log.info(
            "not sent",
            message_id=str(job.message.id),
            stream=job.stream.name,
            state=str(found.state),
            already=not found.by_this_claim,
        )
        return Done()

    def _candidate(self, job: Job, recipients: list[str]) -> Candidate:
        configuration_set = job.message.configuration_set or job.stream.configuration_set
        return Candidate(
            id=job.message.id,
            stream=job.stream.name,
            recipients=recipients,
            payload=job.payload,
            send_at=job.message.send_at,
            expires_at=job.message.expires_at,
            enqueued_at=job.enqueued_at,
            provable=configuration_set in self._publishing_sets,
        )
