"""What each outcome does: the one place that acts on them."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, assert_never

import structlog

from config.failpoints import failpoint
from db import gates, ledger, pacing
from db.ledger import Held, Why
from worker.redacting import without_addresses
from worker.retries import retry_policy
from worker.ses.outcomes import Halt, Reject, Retry, Scope, Sent, Throttled, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.settings import Settings
    from db.claims import Claimed
    from worker.gatekeeper import Gatekeeper
    from worker.jobs import Job
    from worker.metrics import WorkerMetrics
    from worker.patience import Patience
    from worker.ses.outcomes import Outcome

log = structlog.get_logger(__name__)


class Recorder:
    """Commits outcomes to the ledger, alone and at once; metrics and logs come after."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        gatekeeper: Gatekeeper,
        metrics: WorkerMetrics,
        patience: Patience,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._gatekeeper = gatekeeper
        self._metrics = metrics
        self._patience = patience

    def record(self, job: Job, claimed: Claimed, outcome: Outcome) -> None:
        """Write the outcome down, however long the database is away.

        Raises:
            sqlalchemy.exc.DBAPIError: the process had to end before the database came back. The
                lease runs out, and the message is then of unknown outcome.
        """
        held = Held(job.message.id, claimed.attempt)
        if not isinstance(outcome, Sent):
            sender = job.message.from_ or self._settings.email_from
            outcome = without_addresses(outcome, sender=sender)
        failpoint("before_record")
        kept = self._until_written(self._writer(job, claimed, held, outcome))
        failpoint("after_record")
        self._count(job, claimed, outcome)
        self._log(job, claimed, outcome, kept=kept)

    def give_claim_back(self, job: Job, claimed: Claimed) -> None:
        """Nothing has left: the message lies on SQS, and anybody may claim it."""
        held = Held(job.message.id, claimed.attempt)
        self._until_written(lambda: ledger.release(self._engine, held))

    def _writer(
        self, job: Job, claimed: Claimed, held: Held, outcome: Outcome
    ) -> Callable[[], bool]:
        match outcome:
            case Sent(ses_message_id):
                return lambda: ledger.record_sent(self._engine, held, ses_message_id=ses_message_id)
            case Reject(_, why):
                return lambda: ledger.record_failed(self._engine, held, why)
            case Unknown(_, why):
                return lambda: self._hold_unknown(job, held, why)
            case Retry():
                return lambda: self._retry(job, claimed, held, outcome)
            case Halt():
                return lambda: self._halt(job, claimed, held, outcome)
            case Throttled():
                return lambda: self._slow_down(held)
        assert_never(outcome)

    def _until_written(self, write: Callable[[], bool]) -> bool:
        return self._patience.until_written(
            write, at_the_end_seconds=self._settings.record_timeout_seconds
        )

    def _hold_unknown(self, job: Job, held: Held, why: Why) -> bool:
        return ledger.record_unknown(
            self._engine,
            held,
            why,
            payload=job.payload,
            grace_seconds=self._settings.unknown_grace_seconds,
        )

    def _retry(self, job: Job, claimed: Claimed, held: Held, outcome: Retry) -> bool:
        policy = retry_policy(self._settings, job.stream.max_attempts)
        after_seconds = policy.after_seconds(claimed.attempts_used + 1)
        if after_seconds is None:
            return ledger.record_failed(self._engine, held, outcome.why)
        return self._park(job, held, outcome, after_seconds)

    def _halt(self, job: Job, claimed: Claimed, held: Held, outcome: Halt) -> bool:
        seconds = self._settings.halt_seconds
        if outcome.scope is Scope.MESSAGE:
            policy = retry_policy(self._settings, job.stream.max_attempts)
            return self._park(
                job, held, outcome, max(seconds, policy.backoff_seconds(claimed.attempt))
            )
        if outcome.scope is Scope.HOST:
            self._gatekeeper.shut_here(seconds)
        elif outcome.scope is not Scope.GATE:
            self._gatekeeper.refuse(
                self._scopes(job, outcome.scope),
                reason=outcome.cause,
                message_id=job.message.id,
                seconds=seconds,
            )
        # It stays parked while its gate is shut; once that opens, it must not wait much longer.
        spread = random.uniform(0.5, 1.0)  # noqa: S311  no secret
        return self._park(job, held, outcome, seconds * spread)

    def _scopes(self, job: Job, scope: Scope) -> list[str]:
        """The gates to shut: what is of the stream's scope is about its configuration set."""
        if scope is Scope.ACCOUNT:
            return [gates.EVERYTHING]
        streams = self._settings.streams.values()
        concerned = job.stream.configuration_set
        return [each.name for each in streams if each.configuration_set == concerned]

    def _park(self, job: Job, held: Held, outcome: Retry | Halt, after_seconds: float) -> bool:
        return ledger.park(
            self._engine,
            held,
            outcome.why,
            payload=job.payload,
            after_seconds=after_seconds,
            uses_attempt=isinstance(outcome, Retry),
        )

    def _slow_down(self, held: Held) -> bool:
        pacing.throttle(self._engine, self._settings.aws_region)
        return ledger.release(self._engine, held)

    def _count(self, job: Job, claimed: Claimed, outcome: Outcome) -> None:
        name = type(outcome).__name__.lower()
        cause = "" if isinstance(outcome, Sent) else outcome.cause
        self._metrics.record_outcome(job.stream.name, name, cause)
        if isinstance(outcome, Sent):
            enqueued = claimed.enqueued_at
            latency = None if enqueued is None else time.time() - enqueued.timestamp()
            self._metrics.record_sent(job.stream.name, latency)

    def _log(self, job: Job, claimed: Claimed, outcome: Outcome, *, kept: bool) -> None:
        bound = log.bind(
            message_id=str(job.message.id), stream=job.stream.name, attempt=claimed.attempt
        )
        if not kept:
            bound.warning("outcome of a claim that is no longer ours", outcome=_name(outcome))
        elif isinstance(outcome, Sent):
            bound.info("sent", ses_message_id=outcome.ses_message_id)
        else:
            bound.warning(_name(outcome), cause=outcome.cause, code=outcome.why.code)


def _name(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()
