"""`mailsluice keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from config.settings import load_settings
from db import key_status, rotating
from db.rotating_texts import TEXTS, turn_texts, turn_waiting
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table
from ops.progress import rows_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress
    from sqlalchemy import Engine

    from db.key_status import KeyStatus, KeyUse

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="""Rotate the keys of addresses, and see what needs which.

\b
Examples:
  mailsluice keys status
  mailsluice keys rotate
""",
)


@app.command()
@examples("mailsluice keys status", "mailsluice keys status --json | jq .plain")
def status(*, as_json: AsJson = False) -> None:
    """Count the rows under each key, and tell which keys may be taken out.

    It reads every event. Ends with 1 when `mailsluice keys rotate` has something to do.
    """
    with database(load_settings()) as engine:
        found = key_status.status(engine)
    if as_json:
        print_json(_told(found))
    else:
        _print(found)
    if not found.is_done:
        raise typer.Exit(ExitCode.NO)


@app.command()
@examples("mailsluice keys rotate", "mailsluice keys rotate --json")
def rotate(*, as_json: AsJson = False) -> None:
    """Bring every row to the first keys, while senders and consumers run.

    First give all keys to every process. Addresses in plain text are encrypted as well; with
    `plain` in the place of the first encryption key, everything becomes plain text again. After a
    kill give it once more: it goes on with what is left.
    """
    with database(load_settings()) as engine, rotating.alone(engine):
        rotating.turn(engine)
        expected = _expected(key_status.status(engine))
        with rows_bar() as progress:
            turned = {
                name: _run(progress, name, steps, total=expected.get(name))
                for name, steps in _steps(engine)
            }
        rotating.finish(engine)
        key_status.retire(engine)
    if as_json:
        print_json({"turned": turned})
        return
    told = ", ".join(f"{name} {rows}" for name, rows in turned.items() if rows)
    print_lines(f"Turned: {told or 'nothing was left to turn'}.")


def _steps(engine: Engine) -> Iterator[tuple[str, Iterator[int]]]:
    yield "plain addresses", rotating.turn_plain(engine)
    yield "addresses", rotating.turn_book(engine)
    yield "waiting events", turn_waiting(engine)
    for texts in TEXTS:
        yield texts.table, turn_texts(engine, texts)


def _expected(found: KeyStatus) -> dict[str, int]:
    """How many rows there are to turn, at most."""
    names = [_left(found, place) for place in ("names", "addresses")]
    texts = {
        each.table: found.plain[f"{each.table}.{each.column}"] + _left(found, each.table)
        for each in TEXTS
    }
    plain = sum(found.plain.values()) - sum(
        found.plain[f"{each.table}.{each.column}"] for each in TEXTS
    )
    return {"plain addresses": plain, "addresses": max(names), **texts}


def _left(found: KeyStatus, place: str) -> int:
    return sum(each.rows.get(place, 0) for each in found.keys if not each.current)


def _run(progress: Progress, name: str, steps: Iterator[int], *, total: int | None) -> int:
    task = progress.add_task(f"Turning {name}", total=total)
    done = 0
    for rows in steps:
        done += rows
        progress.advance(task, rows)
    progress.update(task, total=done)
    return done


def _told(found: KeyStatus) -> dict[str, object]:
    keys = [
        {**vars(each), "may_go": each.may_go, "missing": each.is_missing} for each in found.keys
    ]
    return {"state": found.state, "done": found.is_done, "keys": keys, "plain": found.plain}


def _print(found: KeyStatus) -> None:
    if not found.keys:
        print_lines("No keys are configured, and no row needs one.")
        return
    print_table(
        ("KEY OF", "ID", "ROWS", "VERDICT"),
        [(_purpose(each), each.id, _rows(each), _verdict(each)) for each in found.keys],
    )
    plain = ", ".join(f"{place} {rows}" for place, rows in found.plain.items() if rows)
    if plain:
        print_lines("", f"In plain text: {plain}.")
    if not found.is_done:
        note("\n`mailsluice keys rotate` brings all of it to the first keys.")


def _purpose(use: KeyUse) -> str:
    return "digests" if use.purpose == "digest" else "encryption"


def _rows(use: KeyUse) -> str:
    return ", ".join(f"{place} {rows}" for place, rows in use.rows.items() if rows) or "none"


def _verdict(use: KeyUse) -> str:
    if use.is_missing:
        return "missing: put it back"
    if use.current:
        return "in use"
    if use.may_go:
        return "may be taken out"
    if use.rows.get("erased"):
        return "stays: a digest of who was erased cannot be made anew"
    return "stays until `mailsluice keys rotate` has run"
