"""What commands print: tables for people, JSON for programs, on stdout and nothing beside it."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

# Wide enough never to wrap what `grep` or a file is to get.
UNLIMITED_COLUMNS = 10_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def print_lines(*lines: str) -> None:
    """Text on stdout."""
    for line in lines:
        typer.echo(printable(line, keep="\n"))


def note(text: str) -> None:
    """A remark for the person, on stderr, so that stdout stays the answer."""
    typer.echo(printable(text, keep="\n"), err=True)


def console() -> Console:
    """A console on stdout. Without colours, and without wrapping, where that is no terminal."""
    made = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = UNLIMITED_COLUMNS
    return made


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on stdout."""
    console().print(table(columns, rows))


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> RenderableType:
    """A table with a header. None is an empty cell, a number stands right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    held = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numbers = bool(held) and all(isinstance(row[index], int | None) for row in held)
        made.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in held:
        made.add_row(*(cell(value) for value in row))
    return made


def cell(value: object) -> str:
    """A value as people read it; times are in UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return printable(str(value))


def printable(text: str, *, keep: str = "") -> str:
    """The text without what could command a terminal: an operator's screen obeys no data."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else "\ufffd" for char in text)


def _plain(value: object) -> Any:  # noqa: ANN401  JSON
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)
