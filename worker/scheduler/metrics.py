"""What a scheduler counts and measures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from config.instruments import Instruments
from db import gates
from worker.scheduler.reputation_metrics import ReputationMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prometheus_client import CollectorRegistry

    from config.queues import Depth
    from db.accounts import AccountReading
    from db.gates import ShutGate
    from db.quota import Usage


class SchedulerMetrics:
    """The instruments of a scheduler process."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        make = Instruments(registry, namespace)
        self._duties = make.histogram(
            "scheduler_duty_seconds", "Duties that this scheduler has done", "duty", "result"
        )
        self._dispatched = make.counter(
            "email_dispatched", "Parked messages put back on SQS", "stream"
        )
        self._undispatchable = make.counter(
            "email_undispatchable",
            "Parked messages that ended as failed, for no queue can take them",
            "stream",
            "reason",
        )
        self._settled = make.counter(
            "email_unknown_settled", "Unknown outcomes, by what was decided about them", "decision"
        )
        self._retired = make.counter(
            "retention_rows", "Rows that retention has removed, or emptied", "table", "what"
        )
        self._depth = make.gauge(
            "sqs_queue_messages",
            "Messages on a queue: visible, in_flight or delayed",
            "queue",
            "state",
        )
        self._watermark_age = make.gauge(
            "event_watermark_age_seconds",
            "Since the moment up to which all events of the queue are proved to be committed; "
            "+Inf: never yet",
            "queue",
        )
        self._messages = make.gauge(
            "email_messages_waiting",
            "Messages in the ledger that are not at their end",
            "stream",
            "state",
        )
        self._account = make.gauge(
            "ses_account",
            "SES's own figures: max_send_rate, max_24_hour_send, sent_last_24_hours, "
            "sending_enabled (0 or 1)",
            "figure",
        )
        self._quota = make.gauge(
            "ses_quota_recipients",
            "The rolling 24 hours in recipients: quota, used, left (quota and left: -1 for none)",
            "figure",
        )
        self._quota_limit = make.gauge(
            "ses_quota_limit_recipients", "How much may be used before the stream stops", "stream"
        )
        self.reputation = ReputationMetrics(make)
        self._gates = make.gauge(
            "gate_shut", "1 for each gate that is shut, by scope (`*`: all)", "scope", "reason"
        )

    def record_duty(self, duty: str, result: str, seconds: float) -> None:
        """A duty came to its end: `done` or `failed`."""
        self._duties.labels(duty, result).observe(seconds)

    def record_dispatched(self, stream: str, count: int) -> None:
        """So many parked messages went back to SQS."""
        self._dispatched.labels(stream).inc(count)

    def record_undispatchable(self, stream: str, reason: str) -> None:
        """A parked message failed: it cannot be put back on SQS."""
        self._undispatchable.labels(stream, reason).inc()

    def record_settled(self, decision: str, count: int) -> None:
        """So many unknown outcomes were found, or decided about."""
        self._settled.labels(decision).inc(count)

    def record_retired(self, table: str, what: str, count: int) -> None:
        """So many rows of a table were `removed` or `emptied`, for they were old enough."""
        self._retired.labels(table, what).inc(count)

    def record_depth(self, queue: str, depth: Depth) -> None:
        """A queue was measured."""
        for state, messages in asdict(depth).items():
            self._depth.labels(queue, state).set(messages)

    def record_watermark_ages(self, ages_seconds: Mapping[str, float]) -> None:
        """So old the watermarks of the event queues are."""
        for queue, seconds in ages_seconds.items():
            self._watermark_age.labels(queue).set(seconds)

    def record_waiting(self, counts: dict[tuple[str, str], int]) -> None:
        """The messages that wait in the ledger, by stream and state."""
        self._messages.clear()
        for (stream, state), count in counts.items():
            self._messages.labels(stream, state).set(count)

    def record_account(self, reading: AccountReading) -> None:
        """The account was read."""
        self._account.labels("max_send_rate").set(reading.max_send_rate)
        self._account.labels("max_24_hour_send").set(reading.max_24_hour_send)
        self._account.labels("sent_last_24_hours").set(reading.sent_last_24_hours)
        self._account.labels("sending_enabled").set(reading.sending_enabled)

    def record_quota(self, usage: Usage) -> None:
        """So much of the day is used."""
        self._quota.labels("quota").set(usage.quota)
        self._quota.labels("used").set(usage.used)
        self._quota.labels("left").set(-1 if usage.left is None else usage.left)

    def record_quota_limit(self, stream: str, limit: int) -> None:
        """The stream stops when so much is used."""
        self._quota_limit.labels(stream).set(limit)

    def record_gates(self, shut: Sequence[ShutGate]) -> None:
        """These gates are shut. What an operator noted is no label."""
        self._gates.clear()
        for gate in shut:
            is_noted = gate.reason.startswith(f"{gates.OPERATOR}:")
            reason = gates.OPERATOR if is_noted else gate.reason
            self._gates.labels(gate.scope, reason).set(1)
