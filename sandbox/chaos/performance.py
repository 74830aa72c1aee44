"""Plays scenarios on a trial's stage: mail flows, something is disturbed, everything is counted."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios import SCENARIOS

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Disturbed, Scenario, Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict


def perform(trial: Trial, terms: Terms, *names: str) -> Verdict:
    """Play these scenarios one after the other, settle once, and give one verdict on all of it.

    Raises:
        KeyError: there is no such scenario.
    """
    scenarios = [SCENARIOS[name] for name in names]
    trial.begin(rate=scenarios[0].rate)
    with ExitStack() as standing:
        played = [_play(trial, terms, scenario, standing) for scenario in scenarios]
        trial.settle()
        broken = [sentence for each in played for sentence in each.broken]
        broken += [sentence for each in scenarios for sentence in each.check(trial)]
        verdict = trial.verdict(
            " + ".join(names), disturbances=sum(each.times for each in played), broken=broken
        )
        if any(scenario.needs_surroundings for scenario in scenarios):
            # What they lean on ends now.
            trial.keeper.crew()
    return verdict


def _play(trial: Trial, terms: Terms, scenario: Scenario, standing: ExitStack) -> Disturbed:
    environments = standing.enter_context(scenario.surroundings(trial))
    trial.keeper.crew(environments, **scenario.crew)
    trial.set_rate(scenario.rate)
    trial.enqueue(scenario.messages(terms))
    not_yet = trial.flows_again()
    disturbed = scenario.disturb(trial, terms)
    trial.calm()
    disturbed.broken.extend(not_yet)
    return disturbed
