"""The command `mailsluice chaos`."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sandbox.chaos.report import as_markdown
from sandbox.chaos.run import Chaos
from sandbox.chaos.scenarios import SCENARIOS

if TYPE_CHECKING:
    from sandbox.chaos.verdict import Verdict

DEFAULT_REPORT = Path("chaos-report.md")
MOST_SEED = 1_000_000


def chaos(
    *,
    seconds: Annotated[
        float, typer.Option(min=1, help="For all scenarios together, about.")
    ] = 600.0,
    seed: Annotated[
        int | None, typer.Option(help="What the dice begin with; by default a random one.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be given several times.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the table goes.")] = DEFAULT_REPORT,
) -> None:
    """Disturb an installation on localhost in every way we know, and account for each message.

    Prints the seed first. Exits with 1 if one promise was broken; the logs are kept then.

    Example: mailsluice chaos --seconds 120 --scenario kill_storm --seed 7
    """
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=160, highlight=False, markup=False)
    names = _known(scenario or list(SCENARIOS))
    dice = random.randrange(MOST_SEED) if seed is None else seed  # noqa: S311  no secret
    console.print(f"seed {dice}")
    verdicts = _run(console, names, seconds=seconds, seed=dice)
    table = as_markdown(verdicts, seed=dice)
    report.write_text(table)
    console.print(f"\n{table}\nwritten to {report}")
    raise typer.Exit(1 if any(verdict.problems() for verdict in verdicts) else 0)


def _run(console: Console, names: list[str], *, seconds: float, seed: int) -> list[Verdict]:
    verdicts = []
    with Chaos() as running:
        for verdict in running.run(names, seconds=seconds, seed=seed):
            problems = verdict.problems()
            console.print(
                f"{verdict.scenario}: {verdict.messages} messages, {verdict.seconds:.0f} s, "
                + ("; ".join(problems) if problems else "all accounted for")
            )
            verdicts.append(verdict)
    for directory in running.kept_logs:
        console.print(f"logs are kept in {directory}")
    return verdicts


def _known(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise typer.BadParameter(
            f"there is no scenario {unknown[0]!r}; there are {', '.join(SCENARIOS)}",
            param_hint="--scenario",
        )
    return names


def _end(_number: int, _frame: object) -> None:
    """A SIGTERM ends what was started too, as Ctrl-C does."""
    raise KeyboardInterrupt
