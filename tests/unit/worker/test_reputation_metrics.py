"""Rates that a scheduler has not counted for a while raise no alarm there."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry

from config.instruments import Instruments
from config.reputation import Level, Limits, Tally
from worker.scheduler.reputation_metrics import FRESH_SECONDS, ReputationMetrics


def test_a_rate_is_no_number_once_it_is_old_and_one_again_when_it_is_counted_anew() -> None:
    now = 1000.0
    registry = CollectorRegistry()
    metrics = ReputationMetrics(Instruments(registry, "test"), lambda: now)

    def record() -> None:
        limits = Limits(warn=0.02, shut=0.05, min_recipients=200, min_reports=5)
        metrics.record("marketing", "bounce", limits, {"1h": Tally(10, 100)}, Level.SHUT)

    def level() -> float:
        labels = {"stream": "marketing", "kind": "bounce"}
        found = registry.get_sample_value("test_email_reputation_level", labels)
        assert found is not None
        return found

    record()
    assert level() == 2
    now += FRESH_SECONDS + 1
    assert math.isnan(level())
    record()
    assert level() == 2
