"""SES loses answers, slows down, and refuses everything for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.performance import perform
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_however_an_answer_is_lost_each_message_costs_one_call_until_it_is_settled(
    trial: Trial,
) -> None:
    verdict = perform(trial, Terms(seconds=4.0, seed=1), "lost_answers")
    assert verdict.problems() == []
    assert verdict.disturbances > 0


def test_at_the_limits_of_the_account_mail_waits_and_nothing_else(trial: Trial) -> None:
    scenarios = ("throttled", "rate_halved", "quota_used_up")
    assert perform(trial, Terms(seconds=3.0, seed=1), *scenarios).problems() == []


def test_after_the_first_refusal_few_calls_reach_ses_and_after_the_cure_mail_flows(
    trial: Trial,
) -> None:
    scenarios = ("account_paused", "account_paused_disguised", "credentials_refused")
    verdict = perform(trial, Terms(seconds=3.0, seed=1), *scenarios)
    assert verdict.problems() == []
    assert verdict.disturbances >= len(scenarios)


def test_a_paused_configuration_set_costs_few_calls_and_after_the_cure_mail_flows(
    trial: Trial,
) -> None:
    # Shorter than its gate is shut: nothing but a call finds out whether it is mended.
    verdict = perform(trial, Terms(seconds=1.5, seed=1), "configuration_set_paused")
    assert verdict.problems() == []
    assert verdict.disturbances > 0
