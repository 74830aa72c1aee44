"""SQS misbehaves, processes sleep through their leases, clocks are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_what_sqs_delivers_again_is_not_sent_again(trial: Trial) -> None:
    assert SCENARIOS["redelivery"](trial, Terms(seconds=4.0, seed=1)).problems() == []


def test_while_sqs_is_away_nothing_is_lost_and_no_process_ends(trial: Trial) -> None:
    assert SCENARIOS["sqs_away"](trial, Terms(seconds=4.0, seed=1)).problems() == []


def test_who_sleeps_through_lease_and_visibility_does_no_harm_when_waking_up(trial: Trial) -> None:
    assert SCENARIOS["stopped"](trial, Terms(seconds=8.0, seed=1)).problems() == []


def test_leases_times_and_ends_of_mail_do_not_ask_the_clock_of_a_host(trial: Trial) -> None:
    assert SCENARIOS["wrong_clocks"](trial, Terms(seconds=4.0, seed=1)).problems() == []
