"""A person decides about messages that SES may have taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from db import unknowns
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, Why, record_unknown
from db.messages import status
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

WHY = Why("ReadTimeoutError", "The request left, but no answer came back.")


@pytest.fixture
def held(ledger: Engine) -> list[UUID]:
    """Three messages that are held."""
    return [hold(ledger) for _ in range(3)]


def hold(engine: Engine) -> UUID:
    recipients = ["ada@example.com"]
    each = Candidate(uuid4(), "marketing", recipients, payload={}, provable=False)
    won = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    record_unknown(engine, Held(each.id, won.attempt), WHY, payload={}, grace_seconds=0)
    assert unknowns.hold_by_policy(engine, ["marketing"]) == [each.id]
    return each.id


def states(engine: Engine, ids: list[UUID]) -> list[str]:
    found = [status(engine, each) for each in ids]
    return [each.state for each in found if each]


def test_held_messages_are_listed_the_oldest_first(run: Run, held: list[UUID]) -> None:
    found = json.loads(run("held", "list", "--json").stdout)
    assert [each["id"] for each in found] == [str(each) for each in held]
    assert found[0]["code"] == "ReadTimeoutError"
    table = run("held", "list").stdout
    assert all(str(each) in table for each in held)
    assert "no answer came back" in table


def test_a_list_tells_when_there_are_more(run: Run, held: list[UUID]) -> None:
    result = run("held", "list", "--limit", "2")
    assert "There are more than 2" in result.stderr
    assert str(held[2]) not in result.stdout
    assert run("held", "list", "--limit", "3").stderr == ""
    assert len(json.loads(run("held", "list", "--limit", "0", "--json").stdout)) == 3


def test_released_messages_are_sent(ledger: Engine, run: Run, held: list[UUID]) -> None:
    result = run("held", "release", held[0], held[2])
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == "2 held messages will be sent.\n"
    assert states(ledger, held) == ["parked", "held", "parked"]


def test_failed_messages_end_unsent(ledger: Engine, run: Run, held: list[UUID]) -> None:
    result = run("held", "fail", held[1])
    assert result.stdout == "1 held message ended, unsent.\n"
    assert states(ledger, held) == ["held", "failed", "held"]


@pytest.mark.parametrize(("command", "state"), [("release", "parked"), ("fail", "failed")])
def test_before_all_are_dealt_with_a_person_is_asked(
    ledger: Engine, run: Run, held: list[UUID], command: str, state: str
) -> None:
    refused = run("held", command, "--all", stdin="n\n")
    assert refused.exit_code == ExitCode.NO
    assert "3 held messages" in refused.stderr
    assert states(ledger, held) == ["held"] * 3
    assert run("held", command, "--all", stdin="y\n").exit_code == ExitCode.DONE
    assert states(ledger, held) == [state] * 3


def test_a_program_says_yes_beforehand(ledger: Engine, run: Run, held: list[UUID]) -> None:
    result = run("held", "fail", "--all", "--yes", "--json")
    found = json.loads(result.stdout)
    assert (set(found["failed"]), found["not_held"]) == ({str(each) for each in held}, [])
    assert states(ledger, held) == ["failed"] * 3


def test_without_an_answer_nothing_is_done(ledger: Engine, run: Run, held: list[UUID]) -> None:
    assert run("held", "release", "--all", stdin="").exit_code == ExitCode.NO
    assert states(ledger, held) == ["held"] * 3


def test_what_is_not_held_is_named_and_ends_with_1(run: Run, held: list[UUID]) -> None:
    other = uuid4()
    result = run("held", "release", held[0], other)
    assert result.exit_code == ExitCode.NO
    assert result.stdout == "1 held message will be sent.\n"
    assert f"{other} is not held" in result.stderr


@pytest.mark.parametrize("command", ["release", "fail"])
def test_nothing_is_done_unless_some_are_named_or_all(
    ledger: Engine, run: Run, held: list[UUID], command: str
) -> None:
    assert run("held", command, "--yes").exit_code == ExitCode.WRONG
    assert run("held", command, held[0], "--all", "--yes").exit_code == ExitCode.WRONG
    assert states(ledger, held) == ["held"] * 3


def test_status_tells_what_held_means(run: Run, held: list[UUID]) -> None:
    result = run("status", held[0])
    assert "held: SES may have taken it; a person must decide" in result.stdout
