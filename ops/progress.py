"""Progress bars on stderr, for commands that take long. Only a terminal shows them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


def rows_bar() -> Progress:
    """A bar that counts rows."""
    return _bar(MofNCompleteColumn())


def bytes_bar() -> Progress:
    """A bar that counts bytes."""
    return _bar(DownloadColumn())


def _bar(amount: ProgressColumn) -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
