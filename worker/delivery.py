"""The life of a message in a worker: pace, claim, send, record. Nothing is sent without a claim."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from config.failpoints import failpoint
from db.claims import Busy, Candidate, Claimed, Settled, claim
from db.ledger import Why
from mailsluice import normalise_address
from worker.ses import request as ses_request
from worker.ses.classify import narrowed
from worker.ses.outcomes import Halt, Scope, Throttled
from worker.ses.sender import Ready

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Engine

    from config.settings import Settings
    from worker.gatekeeper import Gatekeeper
    from worker.jobs import Job
    from worker.metrics import WorkerMetrics
    from worker.pacer import Pacer
    from worker.patience import Patience
    from worker.recorder import Recorder
    from worker.ses.outcomes import Outcome
    from worker.ses.sender import Sender

log = structlog.get_logger(__name__)

BUSY_MARGIN_SECONDS = 1.0

# So many tokens in a row may lapse for one message.
LAPSES_AT_MOST = 3

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


class SuspectError(Exception):
    """So many workers died with the message claimed that it must be tried apart."""

    def __init__(self, lost_claims: int) -> None:
        super().__init__(f"claimed by {lost_claims} workers that died")
        self.lost_claims = lost_claims


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Delivers jobs, one call of `deliver` each, from as many threads as wanted.

    `publishing_sets`: the configuration sets whose events settle an unknown outcome.
    `most_lost_claims`: with so many a message must not be sent here; None: any may.
    """

    engine: Engine
    settings: Settings
    pacers: Mapping[str, Pacer]
    gatekeeper: Gatekeeper
    sender: Sender
    recorder: Recorder
    metrics: WorkerMetrics
    patience: Patience
    publishing_sets: frozenset[str]
    most_lost_claims: int | None = None

    def deliver(self, job: Job) -> Done | GiveBack:
        """Bring the job as far as it goes now.

        It is claimed when its tokens are about to come, so that a lease covers one call to SES and
        not the queue before it, and expiry and suppression are looked up at the last moment.

        Raises:
            StoppingError: the process goes down; the message is nobody's.
            SuspectError: it was claimed too often by workers that died; it is nobody's.
        """
        recipients = sorted({normalise_address(each) for each in job.message.recipients()})
        while True:
            began = time.monotonic()
            with self.pacers[job.stream.name].place():
                claimed_from = time.monotonic()
                failpoint("before_claim")
                claimed = self._claim(job, recipients)
                if not isinstance(claimed, Claimed):
                    return self._not_ours(job, claimed)
                self._check_suspicion(job, claimed)
                failpoint("after_claim")
                not_after = self._latest(claimed, claimed_from)
                ready = self._ready_in_time(job, claimed, len(recipients), not_after)
            self.metrics.record_pacing_wait(job.stream.name, time.monotonic() - began)
            outcome = self._attempt(job, ready, not_after)
            if outcome is None:
                self.recorder.give_claim_back(job, claimed)
                continue
            self.recorder.record(job, claimed, outcome)
            if not isinstance(outcome, Throttled):
                return Done()

    def _latest(self, claimed: Claimed, claimed_from: float) -> float:
        """The moment (monotonic clock) after which the POST must not begin."""
        latest = claimed_from + self.settings.lease_seconds - self._longest_call_seconds()
        if claimed.expires_in_seconds is None:
            return latest
        return min(latest, claimed_from + claimed.expires_in_seconds)

    def _check_suspicion(self, job: Job, claimed: Claimed) -> None:
        if self.most_lost_claims is not None and claimed.lost_claims >= self.most_lost_claims:
            self.recorder.give_claim_back(job, claimed)
            raise SuspectError(claimed.lost_claims)

    def _claim(self, job: Job, recipients: list[str]) -> Claimed | Settled | Busy:
        # A claim whose answer is lost is asked again as the same claimant, and is no second one.
        candidate = self._candidate(job, recipients, claimant=uuid4())
        return self.patience.until_done(
            lambda: claim(
                self.engine,
                candidate,
                lease_seconds=self.settings.lease_seconds,
                grace_seconds=self.settings.unknown_grace_seconds,
            )
        )

    def _ready_in_time(
        self, job: Job, claimed: Claimed, recipients: int, not_after: float
    ) -> Ready | Outcome | None:
        """The request, when its moment has come; None if there was none for it in time."""
        try:
            request = self._prepare(job, claimed)
            ready = request if isinstance(request, Halt) else self.sender.prepare(request)
            if not isinstance(ready, Ready):
                return ready
            return self._in_turn(job, ready, recipients - len(claimed.blocked), not_after)
        except Exception:
            # Nothing has left: the claim must not end as an unknown outcome.
            self.recorder.give_claim_back(job, claimed)
            raise

    def _in_turn(
        self, job: Job, ready: Ready, tokens: int, not_after: float
    ) -> Ready | Outcome | None:
        is_going = False
        try:
            if not self._await_turn(job, tokens, not_after):
                return None
            # While the slot came the gate may have been shut.
            is_going = self._may_go(job)
            return ready if is_going else _GATE_SHUT
        finally:
            if not is_going:
                ready.drop()

    def _await_turn(self, job: Job, tokens: int, not_after: float) -> bool:
        """Wait for the slot, or for another one where its moment passed while we were held up.

        A process that is late again and again is so with each of its tokens, and crowds no second.
        """
        pacer = self.pacers[job.stream.name]
        for _ in range(LAPSES_AT_MOST):
            slot = self.patience.until_done(partial(pacer.reserve, tokens, not_after=not_after))
            if slot is None or pacer.wait_for(slot):
                return slot is not None
        slot = self.patience.until_done(partial(pacer.reserve, tokens, not_after=not_after))
        return slot is not None and pacer.wait_for(slot, however_late=True)

    def _attempt(self, job: Job, ready: Ready | Outcome | None, not_after: float) -> Outcome | None:
        """POST, whatever held this process up not too late; None if nothing has left."""
        if not isinstance(ready, Ready):
            return ready
        began = time.monotonic()
        failpoint("before_post")
        outcome = ready.send(not_after=not_after)
        failpoint("after_accepted")
        if outcome is None:
            return None
        self.metrics.record_call(time.monotonic() - began)
        own_set = job.message.configuration_set in (None, job.stream.configuration_set)
        return narrowed(outcome, own_configuration_set=own_set)

    def _may_go(self, job: Job) -> bool:
        return self.gatekeeper.is_open(job.stream.name, job.message.id)

    def _prepare(self, job: Job, claimed: Claimed) -> dict[str, Any] | Halt:
        if not self._may_go(job):
            return _GATE_SHUT
        sender = ses_request.default_sender(self.settings)
        # A raw message names its sender itself, in its MIME headers.
        if job.message.from_ is None and sender is None and job.message.raw is None:
            return ses_request.no_sender()
        return ses_request.build(job.message, job.stream, sender=sender, blocked=claimed.blocked)

    def _not_ours(self, job: Job, found: Settled | Busy) -> Done | GiveBack:
        if isinstance(found, Busy):
            self.metrics.record_outcome(job.stream.name, "busy")
            # Most holders are done long before their lease is; a few looks cost few receives.
            longest = self.settings.lease_seconds / 3
            return GiveBack(min(found.seconds, longest) + BUSY_MARGIN_SECONDS)
        outcome = str(found.state) if found.by_this_claim else "already_done"
        self.metrics.record_outcome(job.stream.name, outcome)
        log.info(
            "not sent",
            message_id=str(job.message.id),
            stream=job.stream.name,
            state=str(found.state),
            already=not found.by_this_claim,
        )
        return Done()

    def _candidate(self, job: Job, recipients: list[str], *, claimant: UUID) -> Candidate:
        configuration_set = job.message.configuration_set or job.stream.configuration_set
        return Candidate(
            id=job.message.id,
            stream=job.stream.name,
            recipients=recipients,
            payload=job.payload,
            send_at=job.message.send_at,
            expires_at=job.message.expires_at,
            enqueued_at=job.enqueued_at,
            provable=configuration_set in self.publishing_sets,
            claimant=claimant,
        )

    def _longest_call_seconds(self) -> float:
        return self.settings.connect_timeout_seconds + self.settings.ses_read_timeout_seconds
