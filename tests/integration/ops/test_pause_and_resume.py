"""An operator shuts gates and opens them, and always knows what is shut, why and until when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from db import gates
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("ledger")


def test_a_paused_stream_is_shut_until_it_is_resumed(ledger: Engine, run: Run) -> None:
    result = run("pause", "marketing")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == (
        "Stream marketing is paused: operator (for 0 s; until it is resumed).\n"
    )
    assert gates.all_shut(ledger) == [gates.ShutGate("marketing", gates.OPERATOR, None)]
    assert run("resume", "marketing").stdout == "Stream marketing is paused no more.\n"
    assert gates.all_shut(ledger) == []


def test_a_pause_may_have_an_end(ledger: Engine, run: Run) -> None:
    result = run("pause", "marketing", "--for", "90")
    assert "more, until 20" in result.stdout
    [gate] = gates.all_shut(ledger)
    assert gate.seconds is not None
    assert 5390 < gate.seconds <= 5400


def test_everything_is_paused_and_resumed_at_once(ledger: Engine, run: Run) -> None:
    assert "Everything is paused" in run("pause", "--all").stdout
    assert [gate.scope for gate in gates.all_shut(ledger)] == [gates.EVERYTHING]
    assert run("resume", "--all").stdout == "Everything is paused no more.\n"
    assert gates.all_shut(ledger) == []


def test_pausing_what_is_paused_says_so(run: Run) -> None:
    run("pause", "marketing")
    result = run("pause", "marketing", "--for", "5")
    assert result.exit_code == ExitCode.DONE
    assert (
        "was paused already: operator (for 0 s; until it is resumed). Nothing changed"
        in result.stdout
    )


def test_a_pause_is_lengthened_and_never_shortened(run: Run) -> None:
    def paused_for(minutes: int) -> bool:
        return bool(
            json.loads(run("pause", "marketing", "--for", minutes, "--json").stdout)["changed"]
        )

    assert [paused_for(minutes) for minutes in (30, 10, 60)] == [True, False, True]
    assert (
        "was paused already; now: operator (for 0 s; until it" in run("pause", "marketing").stdout
    )


def test_resuming_what_is_open_says_so_and_ends_with_1(run: Run) -> None:
    result = run("resume", "marketing")
    assert result.exit_code == ExitCode.NO
    assert result.stderr == "Stream marketing was not paused.\n"
    assert result.stdout == ""


def test_after_resume_the_other_reasons_are_told(ledger: Engine, run: Run) -> None:
    gates.shut(ledger, "marketing", reason="quota", seconds=600)
    gates.shut(ledger, "transactional", reason="credentials", seconds=600)
    run("pause", "marketing")
    run("pause", "--all")
    result = run("resume", "marketing")
    assert result.exit_code == ExitCode.DONE
    assert "Stream marketing is still shut: quota (" in result.stderr
    assert "looked at again within 10 min" in result.stderr
    assert "To open: mailsluice resume --all" in result.stderr
    assert "credentials" not in result.stderr
    assert "is still shut: quota" in run("resume", "marketing").stderr


def test_ending_the_pause_of_everything_leaves_a_stream_that_is_paused_by_itself(run: Run) -> None:
    run("pause", "marketing")
    run("pause", "--all")
    result = run("resume", "--all")
    assert result.exit_code == ExitCode.DONE
    assert "To open: mailsluice resume marketing" in result.stderr


def test_a_note_is_read_at_the_gate_and_goes_with_the_pause(ledger: Engine, run: Run) -> None:
    run("pause", "marketing", "--note", "the link\nis wrong")
    run("pause", "marketing")
    assert "operator: the link is wrong (for 0 s; until it is resumed)" in run("streams").stdout
    assert run("resume", "marketing").exit_code == ExitCode.DONE
    assert gates.all_shut(ledger) == []


def test_programs_are_told_as_well(run: Run) -> None:
    paused = json.loads(run("pause", "--all", "--json").stdout)
    assert (paused["scope"], paused["changed"]) == ("*", True)
    [gate] = paused["paused_by"]
    assert (gate["scope"], gate["reason"], gate["seconds"]) == ("*", "operator", None)
    assert gate["shut_for_seconds"] >= 0
    resumed = run("resume", "--all", "--json")
    assert json.loads(resumed.stdout) == {"scope": "*", "resumed": True, "shut_by": []}
    assert run("resume", "--all", "--json").exit_code == ExitCode.NO


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_one_stream_or_all_must_be_named(run: Run, command: str) -> None:
    for arguments in ([], ["marketing", "--all"]):
        result = run(command, *arguments)
        assert result.exit_code == ExitCode.WRONG
        assert "one of the two" in result.stderr


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_stream_is_wrong_usage(run: Run, command: str) -> None:
    result = run(command, "marketign")
    assert result.exit_code == ExitCode.WRONG
    assert "There is no stream 'marketign'" in result.stderr


def test_a_stream_that_is_no_longer_configured_can_be_resumed(ledger: Engine, run: Run) -> None:
    gates.shut(ledger, "newsletter", reason=gates.OPERATOR, seconds=None)
    assert run("resume", "newsletter").exit_code == ExitCode.DONE
