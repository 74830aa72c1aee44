"""SQS delivers again or is away, processes sleep through their leases, clocks are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.performance import perform
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_redelivery_outages_of_sqs_and_sleep_beyond_visibility_do_no_harm(trial: Trial) -> None:
    scenarios = ("redelivery", "sqs_away", "stopped")
    assert perform(trial, Terms(seconds=3.0, seed=1), *scenarios).problems() == []


def test_leases_scheduled_times_and_ends_do_not_ask_the_clock_of_a_host(trial: Trial) -> None:
    assert perform(trial, Terms(seconds=3.0, seed=1), "wrong_clocks").problems() == []
