"""The options that the reports have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.output import note
from ops.stream_names import known_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings

Row = TypeVar("Row")

DEFAULT_DAYS = 7
MOST_DAYS = 3660

Days = Annotated[
    int,
    typer.Option("--days", min=1, max=MOST_DAYS, help="The last so many days (UTC), with today."),
]
Stream = Annotated[
    str | None, typer.Option("--stream", metavar="STREAM", help="Only mail of this stream.")
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 for all.")]


def chosen_stream(settings: Settings, name: str | None) -> str | None:
    """The stream, if one is named.

    Raises:
        ConfigurationError: there is no such stream.
    """
    return None if name is None else known_stream(settings, name)


def to_ask_for(limit: int) -> int:
    """How many rows to ask for, to know whether there are more than are shown."""
    return limit + 1 if limit else sys.maxsize


def shown(rows: Sequence[Row], limit: int) -> Sequence[Row]:
    """Those that the limit lets through."""
    return rows[:limit] if limit else rows


def say_if_more(rows: Sequence[object], limit: int) -> None:
    """A remark where the limit has hidden something."""
    if limit and len(rows) > limit:
        note(f"\nThere are more than {limit}; --limit 0 lists all.")
