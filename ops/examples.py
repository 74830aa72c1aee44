"""Examples at the end of a command's help."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., None]")


def examples(*lines: str) -> Callable[[Command], Command]:
    """Add lines, as they are, to the docstring, which is what `--help` prints."""

    def add(command: Command) -> Command:
        shown = "\n".join(f"  {line}" for line in lines)
        # Typer wraps every paragraph but those that begin with a backspace.
        command.__doc__ = f"{inspect.getdoc(command)}\n\n\b\nExamples:\n{shown}\n"
        return command

    return add
