"""SES refuses everything until somebody mends it: few calls, no loss, and it goes on by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "scenario",
    [
        "account_paused",
        "account_paused_disguised",
        "configuration_set_paused",
        "credentials_refused",
    ],
)
def test_after_the_first_refusal_few_calls_reach_ses_and_after_the_cure_mail_flows(
    trial: Trial, scenario: str
) -> None:
    verdict = SCENARIOS[scenario](trial, Terms(seconds=4.0, seed=1))
    assert verdict.problems() == []
    assert verdict.disturbances > 0
