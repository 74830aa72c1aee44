"""PostgreSQL crashes, goes away or cuts connections; the network goes deaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.performance import perform
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_outages_of_the_database_stop_progress_and_nothing_else(
    trial_of_a_database: Trial,
) -> None:
    scenarios = ("database_restarts", "database_gone", "database_cut")
    verdict = perform(trial_of_a_database, Terms(seconds=5.0, seed=1), *scenarios)
    assert verdict.problems() == []
    assert verdict.disturbances > len(scenarios)


def test_a_network_that_goes_deaf_costs_neither_mail_nor_a_second_copy(
    trial_of_a_database: Trial,
) -> None:
    verdict = perform(trial_of_a_database, Terms(seconds=4.0, seed=1), "deaf_ses", "deaf_database")
    assert verdict.problems() == []
