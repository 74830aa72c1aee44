"""`mailsluice chaos` shares its time among the scenarios that there are."""

from __future__ import annotations

import inspect

import pytest
import typer
from typer.testing import CliRunner

from sandbox.chaos import scenarios
from sandbox.chaos.cli import chaos
from sandbox.chaos.run import BESIDES_SECONDS, LEAST_SECONDS, shares
from sandbox.chaos.scenarios.terms import Scenario, Terms


def test_every_scenario_that_is_written_can_be_asked_for() -> None:
    modules = [module for _, module in inspect.getmembers(scenarios, inspect.ismodule)]
    written = [
        value
        for module in modules
        for _, value in inspect.getmembers(module, lambda each: isinstance(each, Scenario))
    ]
    assert sorted(map(id, written)) == sorted(map(id, scenarios.SCENARIOS.values()))


def test_all_scenarios_together_take_about_the_time_that_is_given() -> None:
    found = shares(list(scenarios.SCENARIOS), 3600.0)
    assert sum(found.values()) + BESIDES_SECONDS * len(found) == pytest.approx(3600.0)
    assert max(found, key=lambda name: found[name]) == "kill_storm"


def test_one_scenario_has_all_the_time_and_each_enough_to_disturb() -> None:
    assert shares(["stopped"], 600.0) == {"stopped": 600.0 - BESIDES_SECONDS}
    assert set(shares(list(scenarios.SCENARIOS), 1.0).values()) == {LEAST_SECONDS}


def test_the_kill_storm_never_takes_more_than_20000_messages() -> None:
    storm = scenarios.SCENARIOS["kill_storm"]
    assert storm.messages(Terms(seconds=10_000.0, seed=1)) == 20_000


def test_an_unknown_scenario_is_refused_with_those_that_there_are() -> None:
    app = typer.Typer()
    app.command()(chaos)
    result = CliRunner().invoke(app, ["--scenario", "rain"])
    assert result.exit_code == 2
    assert "there is no scenario 'rain'" in " ".join(result.output.replace("│", " ").split())
