"""What the events process counts. Each thing is counted in one place, and once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.instruments import Instruments
from consumers.policy import COMPLAINT_TYPES, WEIGHS, is_policy_refusal
from db.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from consumers.envelopes import NoticeKind
    from consumers.errors import Refusal
    from db.event_types import Applied, Bounce, Complaint, Event

OTHER = "other"
UNSPECIFIED = "unspecified"

BOUNCE_TYPES = frozenset(bounce_type for bounce_type, _subtype in WEIGHS)
BOUNCE_SUBTYPES = frozenset(subtype for _type, subtype in WEIGHS)

# From what a healthy installation shows to what an outage leaves behind.
LAG_BUCKETS_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics:
    """The instruments of one process."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        make = Instruments(registry, namespace)
        self._bounces = make.counter(
            "email_bounces", "Recipients that bounced, by SES's cause", "type", "subtype"
        )
        self._complaints = make.counter("email_complaints", "Recipients that complained", "type")
        self._suppressions = make.counter(
            "email_suppressions", "Addresses that events put on the suppression list", "reason"
        )
        self._policy_refusals = make.counter(
            "email_policy_refusals", "Bounces that refuse the sender, not the address (5.7.x)"
        )
        self._events = make.counter("events", "Events of SES, each once", "kind")
        self._unmatched = make.counter("events_unmatched", "Events that match no message of ours")
        self._notices = make.counter("event_notices", "Messages that are no events", "kind")
        self._refused = make.counter(
            "events_refused", "Messages kept aside because they were not usable", "reason_class"
        )
        self._unproven = make.counter(
            "events_unproven", "Messages left on their queue, for their certificate cannot be had"
        )
        self._errors = make.counter(
            "event_loop_errors", "Failures of SQS or the database, each tried again", "stage"
        )
        self._lag = make.histogram(
            "event_lag_seconds",
            "From the moment an event happened until it was committed",
            buckets=LAG_BUCKETS_SECONDS,
        )
        self._batch_size = make.histogram(
            "event_batch_size",
            "Messages that were applied together",
            buckets=BATCH_BUCKETS,
        )
        self._in_hand = make.gauge("events_in_hand", "Messages received and not yet deleted")
        self._pollers = make.gauge(
            "event_pollers", "Threads that receive from a queue at this moment", "queue"
        )

    def record_applied(self, applied: Applied) -> None:
        """Count what a committed batch changed."""
        for kind, count in Counter(event.kind for event in applied.events).items():
            self._events.labels(kind).inc(count)
        for event in applied.events:
            self._lag.observe(_age_seconds(event))
        self._unmatched.inc(len(unmatched(applied)))
        for bounce in applied.bounces:
            self._bounces.labels(*_bounce_labels(bounce)).inc()
            self._policy_refusals.inc(is_policy_refusal(bounce))
        for complaint in applied.complaints:
            self._complaints.labels(_complaint_label(complaint)).inc()
        for suppression in applied.suppressions:
            self._suppressions.labels(suppression.reason).inc()

    def record_notice(self, kind: NoticeKind) -> None:
        """Count a message that is no event."""
        self._notices.labels(kind).inc()

    def record_refused(self, refusal: Refusal) -> None:
        """Count a message that was kept aside."""
        self._refused.labels(refusal).inc()

    def record_unproven(self, messages: int) -> None:
        """Count messages that stay on their queue until a certificate can be fetched."""
        self._unproven.inc(messages)

    def record_error(self, stage: str) -> None:
        """Count a failed attempt: a stage of the loop, such as `receive` or `certificate`."""
        self._errors.labels(stage).inc()

    def record_batch(self, messages: int) -> None:
        """Count the messages that were applied together."""
        self._batch_size.observe(messages)

    def watch_hand(self, held: Callable[[], int]) -> None:
        """Have `held` asked how many messages are in hand."""
        self._in_hand.set_function(held)

    def watch_pollers(self, queue: str, awake: Callable[[], int]) -> None:
        """Have `awake` asked how many threads receive from a queue."""
        self._pollers.labels(queue).set_function(awake)


def unmatched(applied: Applied) -> list[Event]:
    """The events that should have matched a message: all but those of unknown kinds."""
    return [event for event in applied.unmatched if event.kind is not EventKind.UNRECOGNISED]


def _age_seconds(event: Event) -> float:
    return max(0.0, (datetime.now(UTC) - event.occurred_at).total_seconds())


def _bounce_labels(bounce: Bounce) -> tuple[str, str]:
    return (
        bounce.bounce_type if bounce.bounce_type in BOUNCE_TYPES else OTHER,
        bounce.bounce_subtype if bounce.bounce_subtype in BOUNCE_SUBTYPES else OTHER,
    )


def _complaint_label(complaint: Complaint) -> str:
    if complaint.complaint_type is None:
        return UNSPECIFIED
    label = complaint.complaint_type.lower()
    return label if label in COMPLAINT_TYPES else OTHER
