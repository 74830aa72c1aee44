"""What several commands ask before they deal with more than what was named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before dealing with all.")]


def check_choice(ids: Sequence[object] | None, *, all_of_them: bool) -> None:
    """See that either some are named or all are meant.

    Raises:
        ConfigurationError: neither, or both.
    """
    if bool(ids) == all_of_them:
        raise ConfigurationError("Name ids, or give --all: one of the two.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr, so that stdout stays the answer; a no ends the command with 1."""
    if not yes:
        typer.confirm(question, abort=True, err=True)
