"""SES loses answers, slows down, and refuses everything for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_however_an_answer_is_lost_each_message_costs_one_call_until_it_is_settled(
    trial: Trial,
) -> None:
    verdict = SCENARIOS["lost_answers"](trial, Terms(seconds=4.0, seed=1))
    assert verdict.problems() == []
    assert verdict.disturbances > 0


@pytest.mark.parametrize("scenario", ["throttled", "rate_halved", "quota_used_up"])
def test_at_the_limits_of_the_account_mail_waits_and_nothing_else(
    trial: Trial, scenario: str
) -> None:
    verdict = SCENARIOS[scenario](trial, Terms(seconds=4.0, seed=1))
    assert verdict.problems() == []
    assert verdict.disturbances > 0
