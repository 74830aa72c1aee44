"""`mailsluice erase`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from config.settings import load_settings
from db.erasing import Erased
from db.erasing import erase as erase_rows
from db.scrubbing import scrub
from ops.commands.choosing import confirm
from ops.database import database
from ops.examples import examples
from ops.operators import By, operator
from ops.output import AsJson, print_json, print_lines
from ops.suppression_file import key_of

if TYPE_CHECKING:
    from sqlalchemy import Engine


@examples(
    "mailsluice erase ada@example.com",
    'mailsluice erase ada@example.com --yes --by "Grace" --json',
)
def erase(
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take an address out of every table; who is erased is known by a keyed digest, not mailed.

    What waits to be sent to nobody else ends as failed. All events and refused messages are looked
    through, which takes half a minute a million. It needs MAILSLUICE_ADDRESS_KEYS, and can be
    given again: for what lay on SQS, or was in the hands of a worker, when it was given first.
    """
    key = key_of(address)
    confirm(f"Erase {key}? It cannot be undone.", yes=yes)
    with database(load_settings()) as engine:
        done = erase_rows(engine, key, by=operator(by))
        scrubbed = _scrub(engine, key)
        # What a worker had claimed before is written down by now.
        late = erase_rows(engine, key, by=operator(by))
    _report(done, late, scrubbed, as_json=as_json)


def _scrub(engine: Engine, key: str) -> dict[str, int]:
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Looking through texts", total=1.0)
        return scrub(engine, key, progress=lambda share: progress.update(task, completed=share))


def _report(done: Erased, late: Erased, scrubbed: dict[str, int], *, as_json: bool) -> None:
    ended = [*done.ended, *late.ended]
    rows = {
        table: sum(each.get(table, 0) for each in (done.rows, late.rows, scrubbed))
        for table in (*done.rows, *scrubbed)
    }
    if as_json:
        print_json({"rows": rows, "ended": ended})
        return
    found = ", ".join(f"{table} {count}" for table, count in rows.items() if count)
    print_lines(
        f"Erased; rows changed: {found or 'none'}. Messages ended unsent: {len(ended)}.",
        "The address is on the suppression list by its digest, everywhere and for ever.",
    )
