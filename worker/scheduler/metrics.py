"""What a scheduler counts and measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from db.accounts import AccountReading


class SchedulerMetrics:
    """The instruments of a scheduler process."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        self._duties = Histogram(
            "scheduler_duty_seconds",
            "Duties that this scheduler has done",
            ["duty", "result"],
            namespace=namespace,
            registry=registry,
        )
        self._dispatched = Counter(
            "email_dispatched_total",
            "Parked messages put back on SQS",
            ["stream"],
            namespace=namespace,
            registry=registry,
        )
        self._undispatchable = Counter(
            "email_undispatchable_total",
            "Parked messages that ended as failed, for no queue can take them",
            ["stream", "reason"],
            namespace=namespace,
            registry=registry,
        )
        self._settled = Counter(
            "email_unknown_settled_total",
            "Unknown outcomes, by what was decided about them",
            ["decision"],
            namespace=namespace,
            registry=registry,
        )
        self._depth = Gauge(
            "sqs_queue_messages",
            "Messages on a queue: visible, in_flight or delayed",
            ["queue", "state"],
            namespace=namespace,
            registry=registry,
        )
        self._messages = Gauge(
            "email_messages_waiting",
            "Messages in the ledger that are not at their end",
            ["stream", "state"],
            namespace=namespace,
            registry=registry,
        )
        self._account = Gauge(
            "ses_account",
            "SES's own figures: max_send_rate, max_24_hour_send, sent_last_24_hours, "
            "sending_enabled (0 or 1)",
            ["figure"],
            namespace=namespace,
            registry=registry,
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

    def record_depth(self, queue: str, *, visible: int, in_flight: int, delayed: int) -> None:
        """A queue was measured."""
        self._depth.labels(queue, "visible").set(visible)
        self._depth.labels(queue, "in_flight").set(in_flight)
        self._depth.labels(queue, "delayed").set(delayed)

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
