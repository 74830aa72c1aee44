"""Processes of every kind are killed at random, under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.performance import perform
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial

pytestmark = pytest.mark.timeout(180)


def test_whatever_is_killed_whenever_each_message_is_accepted_exactly_once(trial: Trial) -> None:
    verdict = perform(trial, Terms(seconds=8.0, seed=1), "kill_storm")
    assert verdict.problems() == []
    assert verdict.disturbances >= 5
