"""PostgreSQL crashes, goes away, cuts connections or stops answering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "scenario", ["database_restarts", "database_gone", "database_cut", "deaf_database", "deaf_ses"]
)
def test_an_outage_stops_progress_and_nothing_else(
    trial_of_a_database: Trial, scenario: str
) -> None:
    verdict = SCENARIOS[scenario](trial_of_a_database, Terms(seconds=6.0, seed=1))
    assert verdict.problems() == []
    assert verdict.disturbances > 0
