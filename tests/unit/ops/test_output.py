"""Tables for people, JSON for programs, and nothing that commands a terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from uuid import UUID

from ops.output import cell, print_json, print_table

if TYPE_CHECKING:
    import pytest

NOON = datetime(2030, 1, 31, 13, 0, tzinfo=timezone(timedelta(hours=1)))


@dataclass
class Thing:
    id: UUID
    when: datetime
    parts: tuple[int, ...]


def test_a_table_in_a_pipe_has_neither_colour_nor_wrapped_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("NAME", "COUNT"), [("x" * 200, 3), ("[bold]y[/bold]", None)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 200 in lines[1]
    assert lines[2].startswith("[bold]y[/bold]")
    assert all(line.isprintable() for line in lines)


def test_data_cannot_command_the_terminal() -> None:
    assert cell("\x1b]0;gotcha\x07\x1b[2J") == "\ufffd]0;gotcha\ufffd\ufffd[2J"


def test_times_are_read_in_utc() -> None:
    assert cell(NOON) == "2030-01-31 12:00:00 UTC"


def test_json_knows_our_types(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Thing(UUID(int=1), NOON, (1, 2)), {"é": datetime(2030, 1, 1, tzinfo=UTC)}])
    out = capsys.readouterr().out
    assert json.loads(out) == [
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "when": "2030-01-31T12:00:00Z",
            "parts": [1, 2],
        },
        {"é": "2030-01-01T00:00:00Z"},
    ]
