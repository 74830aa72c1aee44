"""Processes of every kind are killed at random: each message is accepted exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.scenarios.killing import kill_storm
from sandbox.chaos.scenarios.terms import Terms

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial


@pytest.mark.timeout(240)
def test_whatever_is_killed_whenever_each_message_is_accepted_exactly_once(trial: Trial) -> None:
    verdict = kill_storm(trial, Terms(seconds=10.0, seed=1))
    assert verdict.problems() == []
    assert verdict.disturbances >= 5
