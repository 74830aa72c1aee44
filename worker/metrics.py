"""What a worker counts. An outcome is counted in exactly one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.instruments import Instruments

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# A password reset is late after seconds, a campaign after hours.
_LATENCY_BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14400, 86400)
_WAIT_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300)
_CALL_BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class WorkerMetrics:
    """The instruments of a worker process."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        make = Instruments(registry, namespace)
        self._sent = make.counter("email_sent", "Messages that SES has taken", "stream")
        self._outcomes = make.counter(
            "email_outcomes",
            "What became of each job that was taken from a queue",
            "stream",
            "outcome",
            "reason",
        )
        self._latency = make.histogram(
            "email_enqueue_to_accepted_seconds",
            "From enqueueing to SES's yes",
            "stream",
            buckets=_LATENCY_BUCKETS_SECONDS,
        )
        self._pacing = make.histogram(
            "email_pacing_wait_seconds",
            "Waiting for send tokens",
            "stream",
            buckets=_WAIT_BUCKETS_SECONDS,
        )
        self._calls = make.histogram(
            "ses_send_call_seconds",
            "One SendEmail call, whatever came of it",
            buckets=_CALL_BUCKETS_SECONDS,
        )
        self._receives = make.counter("sqs_receives", "ReceiveMessage calls", "queue", "result")

    def record_sent(self, stream: str, latency_seconds: float | None) -> None:
        """SES took a message, so long after it was enqueued."""
        self._sent.labels(stream).inc()
        if latency_seconds is not None:
            self._latency.labels(stream).observe(max(0.0, latency_seconds))

    def record_outcome(self, stream: str, outcome: str, reason: str = "") -> None:
        """A job came to an end, or to a pause. `reason` is a cause of the table, never a text."""
        self._outcomes.labels(stream, outcome, reason).inc()

    def record_pacing_wait(self, stream: str, seconds: float) -> None:
        """A message waited so long for its tokens."""
        self._pacing.labels(stream).observe(seconds)

    def record_call(self, seconds: float) -> None:
        """A call to SES took so long."""
        self._calls.observe(seconds)

    def record_receive(self, queue: str, result: str) -> None:
        """A receive ended: `ok` or `error`."""
        self._receives.labels(queue, result).inc()
