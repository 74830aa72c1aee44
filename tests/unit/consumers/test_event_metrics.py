"""The metrics count what is new, under labels that cannot grow without bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from consumers.envelopes import NoticeKind
from consumers.errors import Refusal
from consumers.metrics import Metrics
from db.event_types import Applied, Bounce, Complaint, Event
from db.states import EventKind
from db.suppressions import Suppression

NOW = datetime.now(UTC)
BOUNCE = Bounce("ada@example.com", "Permanent", "General", "feedback", NOW, status="5.1.1")
COMPLAINT = Complaint("ada@example.com", "feedback", NOW, complaint_type="abuse")
NOTHING = Applied(events=[], unmatched=[], bounces=[], complaints=[], suppressions=[])


def an_event(kind: EventKind = EventKind.BOUNCE, *, age_seconds: float = 3) -> Event:
    occurred_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    return Event(identity="i", kind=kind, occurred_at=occurred_at, raw={})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry, "ns")


def test_each_thing_that_a_batch_changed_is_counted(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    suppression = Suppression("ada@example.com", "bounce", "event")
    metrics.record_applied(
        Applied([an_event()], [an_event()], [BOUNCE], [COMPLAINT], [suppression])
    )
    value = registry.get_sample_value
    assert value("ns_events_total", {"kind": "bounce"}) == 1
    assert value("ns_events_unmatched_total") == 1
    labels = {"type": "Permanent", "subtype": "General"}
    assert value("ns_email_bounces_total", labels) == 1
    assert value("ns_email_complaints_total", {"type": "abuse"}) == 1
    assert value("ns_email_suppressions_total", {"reason": "bounce"}) == 1
    assert value("ns_email_policy_refusals_total") == 0


def test_the_lag_runs_from_the_occurrence(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.record_applied(replace(NOTHING, events=[an_event(age_seconds=3)]))
    assert registry.get_sample_value("ns_event_lag_seconds_bucket", {"le": "5.0"}) == 1
    assert registry.get_sample_value("ns_event_lag_seconds_bucket", {"le": "2.0"}) == 0


def test_a_clock_that_runs_ahead_gives_no_negative_lag(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.record_applied(replace(NOTHING, events=[an_event(age_seconds=-60)]))
    assert registry.get_sample_value("ns_event_lag_seconds_sum") == 0


def test_causes_that_ses_invents_later_share_one_label(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    odd = [replace(BOUNCE, bounce_type=f"T{n}", bounce_subtype=f"S{n}") for n in range(3)]
    metrics.record_applied(
        replace(NOTHING, bounces=odd, complaints=[replace(COMPLAINT, complaint_type="new")])
    )
    labels = {"type": "other", "subtype": "other"}
    assert registry.get_sample_value("ns_email_bounces_total", labels) == 3
    assert registry.get_sample_value("ns_email_complaints_total", {"type": "other"}) == 1


def test_a_complaint_without_a_type_is_counted_as_unspecified(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.record_applied(replace(NOTHING, complaints=[replace(COMPLAINT, complaint_type=None)]))
    assert registry.get_sample_value("ns_email_complaints_total", {"type": "unspecified"}) == 1


def test_a_refusal_of_the_sender_is_counted_apart(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.record_applied(replace(NOTHING, bounces=[replace(BOUNCE, status="5.7.1")]))
    assert registry.get_sample_value("ns_email_policy_refusals_total") == 1


def test_an_event_of_an_unknown_kind_need_not_match_a_message(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.record_applied(replace(NOTHING, unmatched=[an_event(EventKind.UNRECOGNISED)]))
    assert registry.get_sample_value("ns_events_unmatched_total") == 0


def test_refusals_notices_errors_and_batches_are_counted(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.record_refused(Refusal.NOT_JSON)
    metrics.record_notice(NoticeKind.TOPIC_VALIDATED)
    metrics.record_error("receive")
    metrics.record_batch(40)
    value = registry.get_sample_value
    assert value("ns_events_refused_total", {"reason_class": "not_json"}) == 1
    assert value("ns_event_notices_total", {"kind": "topic_validated"}) == 1
    assert value("ns_event_loop_errors_total", {"stage": "receive"}) == 1
    assert value("ns_event_batch_size_sum") == 40
