"""Who gives a command, for the histories that say so."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

MAX_CHARACTERS = 200

By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who says so; by default the system's user."),
]


def operator(named: str | None) -> str:
    """The name given, or else that of the user of this process; in one line."""
    return " ".join((named or _user()).split())[:MAX_CHARACTERS] or _user()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that no user bears.
        return "unknown"
