"""Plays scenarios on a trial's stage: mail flows, something is disturbed, everything is counted."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios import SCENARIOS
from sandbox.chaos.scenarios.terms import Disturbed

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Environments, Scenario, Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict


def perform(trial: Trial, terms: Terms, *names: str) -> Verdict:
    """Play these scenarios one after the other, settle once, and give one verdict on all of it.

    Raises:
        KeyError: there is no such scenario.
    """
    scenarios = [SCENARIOS[name] for name in names]
    trial.begin(rate=scenarios[0].rate_within(terms))
    with ExitStack() as standing:
        environments = _environments(trial, scenarios, standing)
        trial.keeper.crew(environments, **_crew(scenarios))
        played = [_play(trial, terms, scenario) for scenario in scenarios]
        trial.settle()
        broken = [sentence for each in played for sentence in each.broken]
        broken += [sentence for each in scenarios for sentence in each.check(trial)]
        verdict = trial.verdict(
            " + ".join(names), disturbances=sum(each.times for each in played), broken=broken
        )
        if environments:
            # What they lean on may end now.
            trial.keeper.crew()
    return verdict


def _environments(trial: Trial, scenarios: list[Scenario], standing: ExitStack) -> Environments:
    """By kind of process, what all of the scenarios together want in its environment."""
    found: Environments = {}
    for scenario in scenarios:
        for kind, values in standing.enter_context(scenario.surroundings(trial)).items():
            found.setdefault(kind, {}).update(values)
    return found


def _crew(scenarios: list[Scenario]) -> dict[str, int]:
    kinds = {kind for scenario in scenarios for kind in scenario.crew}
    return {kind: max(each.crew.get(kind, 0) for each in scenarios) for kind in kinds}


def _play(trial: Trial, terms: Terms, scenario: Scenario) -> Disturbed:
    trial.set_rate(scenario.rate_within(terms))
    trial.enqueue(scenario.messages(terms))
    not_yet = trial.flows_again()
    disturbed = scenario.disturb(trial, terms)
    trial.calm()
    return Disturbed(disturbed.times, not_yet + disturbed.broken)
