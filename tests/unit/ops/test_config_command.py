"""`mailsluice config` shows what is in force, and what would be refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from config.settings import Settings
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result


def settings_of(result: Result) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(result.stdout)["settings"]}


def test_every_setting_is_printed_with_its_variable(run: Callable[..., Result]) -> None:
    found = settings_of(run("config", "--json"))
    assert set(found) == set(Settings.model_fields)
    assert found["lease_seconds"]["variable"] == "MAILSLUICE_LEASE_SECONDS"
    assert found["stream_overrides"]["variable"] == "MAILSLUICE_STREAMS"
    assert found["database_url"]["variable"] == "DATABASE_URL"


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_the_variable_that_is_named_is_the_one_that_is_read(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {
        "stream_overrides": "{}",
        "email_provider": "ses",
        "log_level": "INFO",
        "log_format": "json",
    }
    variable = settings_of(run("config", "--json"))[name]["variable"]
    # Of the rest, "1" is the one value that suits texts, numbers and booleans, in range or not.
    monkeypatch.setenv(variable, given.get(name, "1"))
    result = run("config", "--json")
    if result.stdout:
        assert settings_of(result)[name]["default"] is False
    else:
        assert f"  {variable}: " in result.stderr


def test_of_several_names_the_one_in_use_is_shown(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    found = settings_of(run("config", "--json"))["aws_region"]
    assert (found["variable"], found["value"]) == ("AWS_DEFAULT_REGION", "eu-north-1")


def test_no_secret_is_printed(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "open-sesame")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:open-sesame@db/mailsluice")
    for result in (run("config"), run("config", "--json")):
        assert "open-sesame" not in result.output
        assert "postgresql://ada:********@db/mailsluice" in result.stdout


def test_settings_that_break_a_promise_end_with_2(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_LEASE_SECONDS", "1000")
    table, document = run("config"), run("config", "--json")
    assert (table.exit_code, document.exit_code) == (ExitCode.WRONG, ExitCode.WRONG)
    assert "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS is 300 and must be at least" in table.stderr
    assert "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS" in json.loads(document.stdout)["problem"]


def test_settings_that_agree_end_with_0(run: Callable[..., Result]) -> None:
    assert run("config").exit_code == ExitCode.DONE
    assert json.loads(run("config", "--json").stdout)["problem"] is None


def test_a_malformed_setting_is_named(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_CONCURRENCY", "many")
    result = run("config")
    assert result.exit_code == ExitCode.WRONG
    assert "MAILSLUICE_CONCURRENCY" in result.stderr


def test_a_misspelt_variable_is_pointed_out(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_CONCURENCY", "64")
    assert "MAILSLUICE_CONCURENCY" in run("config").stderr
    document = json.loads(run("config", "--json").stdout)
    assert document["unknown_variables"] == ["MAILSLUICE_CONCURENCY"]
