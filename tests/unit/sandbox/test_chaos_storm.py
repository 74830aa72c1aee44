"""Mail lasts as long as what disturbs it, and there is never more than there may be."""

from __future__ import annotations

import pytest

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Terms


@pytest.mark.parametrize("seconds", [6.0, 60.0, 300.0, 880.0, 3600.0])
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_mail_outlasts_the_disturbance_however_long_it_is(name: str, seconds: float) -> None:
    scenario, terms = SCENARIOS[name], Terms(seconds, seed=1)
    rate = scenario.rate_within(terms)
    assert rate <= scenario.rate
    assert seconds * rate < scenario.messages(terms) <= scenario.most_messages


def test_a_storm_of_a_thousand_kills_has_all_the_messages() -> None:
    storm = SCENARIOS["kill_storm"]
    assert storm.messages(Terms(880.0, seed=1)) == storm.most_messages
