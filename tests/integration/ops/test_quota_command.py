"""The operator sees what is left of the day, and which stream has stopped and until when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from db import accounts, gates
from db.accounts import AccountReading
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]


def read(engine: Engine, most: float, sent: float) -> None:
    reading = AccountReading("eu-west-1", 1.0, most, sent, True, True, "HEALTHY")  # noqa: FBT003
    accounts.save(engine, reading)


def test_quota_used_and_left_are_shown_with_each_streams_part(ledger: Engine, run: Run) -> None:
    read(ledger, 1000.0, 850.0)
    gates.shut(ledger, "marketing", reason="quota", seconds=60, expected_seconds=7200)
    result = run("quota")
    assert result.exit_code == ExitCode.DONE
    assert "Quota: 1000. Used: 850 recipients" in result.stdout
    assert "Left: 150." in result.stdout
    [marketing] = [line for line in result.stdout.splitlines() if line.startswith("marketing")]
    assert "80%" in marketing
    assert "800" in marketing
    assert "likely to open at 20" in marketing
    assert "likely to open at 20" in run("streams").stdout


def test_programs_are_told_too(ledger: Engine, run: Run) -> None:
    read(ledger, 1000.0, 10.0)
    found = json.loads(run("quota", "--json").stdout)
    assert (found["quota"], found["used"], found["left"]) == (1000.0, 10.0, 990.0)
    limits = {each["stream"]: each["limit"] for each in found["streams"]}
    assert limits == {"transactional": 997, "notifications": 950, "marketing": 800}


def test_no_quota_is_said_to_be_none(ledger: Engine, run: Run) -> None:
    read(ledger, -1.0, 10.0)
    assert "The account has no quota" in run("quota").stdout
    assert json.loads(run("quota", "--json").stdout)["left"] is None


def test_an_account_that_was_never_read_is_said_to_be(ledger: Engine, run: Run) -> None:
    assert ledger
    result = run("quota")
    assert result.exit_code == ExitCode.NO
    assert "scheduler" in result.stderr
