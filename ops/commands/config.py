"""`mailsluice config`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from pydantic import AliasChoices

from config.checks import check_times
from config.errors import ConfigurationError
from config.settings import Settings, load_settings
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "MAILSLUICE_"


@dataclass(frozen=True)
class Setting:
    """One setting as it stands; secrets are masked."""

    name: str
    variable: str
    value: Any
    default: bool


@examples(
    "mailsluice config",
    "mailsluice config --json | jq '.settings[] | select(.default | not)'",
)
def config(*, as_json: AsJson = False) -> None:
    """Print every setting with its environment variable, and hold them against each other.

    Secrets are masked. Ends with 2 when the processes would refuse to start with them.
    """
    settings = load_settings()
    found = list(described(settings))
    problem, unknown = _problem(settings), sorted(_unknown(found))
    if as_json:
        print_json({"settings": found, "unknown_variables": unknown, "problem": problem})
    else:
        _print(found, unknown)
        (note if problem else print_lines)(problem or "The times agree with each other.")
    if problem:
        raise typer.Exit(ExitCode.WRONG)


def described(settings: Settings) -> Iterator[Setting]:
    """All settings, in the order in which they are declared."""
    for name, value in settings.masked().items():
        default = name not in settings.model_fields_set
        yield Setting(name, _variable(name), value, default)


def _variable(name: str) -> str:
    """The variable that gives the setting: the one that is set, else the first of its names."""
    names = _variables(name)
    return next((each for each in names if each in os.environ), names[0])


def _variables(name: str) -> list[str]:
    alias = Settings.model_fields[name].validation_alias
    if not isinstance(alias, AliasChoices):
        return [PREFIX + name.upper()]
    return [str(choice) for choice in alias.choices if choice != name]


def _unknown(found: list[Setting]) -> set[str]:
    """Variables that look like ours and are read by nobody: most likely misspelt."""
    known = {variable for setting in found for variable in _variables(setting.name)}
    return {name for name in os.environ if name.startswith(PREFIX)} - known


def _problem(settings: Settings) -> str | None:
    try:
        check_times(settings)
    except ConfigurationError as error:
        return str(error)
    return None


def _print(found: list[Setting], unknown: list[str]) -> None:
    print_table(
        ("VARIABLE", "VALUE", "FROM"),
        [
            (setting.variable, _text(setting.value), "default" if setting.default else "set")
            for setting in found
        ],
    )
    print_lines("")
    if unknown:
        note(f"Nothing reads these variables (misspelt?): {', '.join(unknown)}.")


def _text(value: object) -> str:
    if value is None or value == "":
        return "(not set)"
    return value if isinstance(value, str) else json.dumps(value)
