"""The report: one row a scenario, as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.chaos.verdict import Verdict

COLUMNS = (
    "scenario",
    "messages",
    "kills/restarts",
    "lost",
    "twice",
    "suppressed but sent",
    "over rate",
    "stuck",
    "in DLQ",
    "seconds",
    "verdict",
)


def as_markdown(verdicts: Sequence[Verdict], *, seed: int) -> str:
    """The table, and below it in sentences what is not as promised."""
    rows = [COLUMNS, *(_row(verdict) for verdict in verdicts)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    lines = [_line(COLUMNS, widths), f"|{rule}|", *(_line(row, widths) for row in rows[1:])]
    problems = [
        f"- {verdict.scenario}: {problem}" for verdict in verdicts for problem in verdict.problems()
    ]
    return "\n".join([f"Seed {seed}", "", *lines, *([""] if problems else []), *problems]) + "\n"


def _row(verdict: Verdict) -> tuple[str, ...]:
    counts = (
        verdict.messages,
        verdict.disturbances,
        len(verdict.lost),
        len(verdict.twice),
        len(verdict.suppressed_but_sent),
        verdict.over_rate,
        len(verdict.stuck),
        len(verdict.dead),
    )
    seconds = f"{verdict.seconds:.0f}"
    return (verdict.scenario, *map(str, counts), seconds, "BROKEN" if verdict.problems() else "ok")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = cells
    padded = [name.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"
