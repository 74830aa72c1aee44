"""`mailsluice held`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from config.settings import load_settings
from db import unknowns
from db.messages import count_waiting
from db.states import MessageState
from ops.commands.choosing import Yes, check_choice, confirm
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

Ids = Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Ids of held messages.")]
All = Annotated[bool, typer.Option("--all", help="All messages that are held.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="""Decide about messages that SES may have taken.

A message is held when its answer from SES was lost, no event can ever tell, and its stream's
unknown_policy is `hold`. Only its recipient may know whether it arrived.

\b
Examples:
  mailsluice held list
  mailsluice held release 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5
  mailsluice held fail --all
""",
)


@app.command("list")
@examples(
    "mailsluice held list",
    "mailsluice held list --limit 0 --json",
)
def list_all(
    *,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the messages that wait for a person, the oldest first."""
    with database(load_settings()) as engine:
        found = unknowns.held(engine, most=limit + 1 if limit else sys.maxsize)
    shown = found[:limit] if limit else found
    if as_json:
        print_json(shown)
        return
    print_table(
        ("MESSAGE", "STREAM", "SINCE", "CODE", "REASON"),
        [(each.id, each.stream, each.since, each.code, each.reason) for each in shown],
    )
    if len(found) > len(shown):
        note(f"\nThere are more than {limit}; --limit 0 lists all.")


@app.command("release")
@examples(
    "mailsluice held release 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5",
    "mailsluice held release --all --yes",
)
def release(
    ids: Ids = None, *, all_of_them: All = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Send held messages after all. If SES did take one, its recipient gets it twice.

    Ends with 1 if one of those named was not held.
    """
    check_choice(ids, all_of_them=all_of_them)
    with database(load_settings()) as engine:
        if all_of_them:
            _ask(engine, "Send {held} again? Who got one already gets it twice.", yes=yes)
        done = _decided(unknowns.release, engine, ids)
    _report(done, ids, as_json=as_json, key="released", sentence="{held} will be sent.")


@app.command("fail")
@examples(
    "mailsluice held fail 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5",
    "mailsluice held fail --all --yes",
)
def fail(
    ids: Ids = None, *, all_of_them: All = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """End held messages as failed: they are not sent again, and their content is removed.

    Should SES have taken one after all, an event of it would still tell. Ends with 1 if one of
    those named was not held.
    """
    check_choice(ids, all_of_them=all_of_them)
    with database(load_settings()) as engine:
        if all_of_them:
            _ask(engine, "End {held} unsent? It cannot be undone.", yes=yes)
        done = _decided(unknowns.fail, engine, ids)
    _report(done, ids, as_json=as_json, key="failed", sentence="{held} ended, unsent.")


def _ask(engine: Engine, question: str, *, yes: bool) -> None:
    counted = count_waiting(engine)
    held = sum(count for (_, state), count in counted.items() if state == MessageState.HELD)
    confirm(question.format(held=_called(held)), yes=yes)


def _decided(
    decide: Callable[[Engine, Sequence[UUID] | None], list[UUID]],
    engine: Engine,
    ids: list[UUID] | None,
) -> list[UUID]:
    """Without ids all are meant, as `check_choice` has seen to."""
    return decide(engine, ids or None)


def _report(
    done: list[UUID], ids: list[UUID] | None, *, as_json: bool, key: str, sentence: str
) -> None:
    not_held = [each for each in dict.fromkeys(ids or ()) if each not in set(done)]
    if as_json:
        print_json({key: done, "not_held": not_held})
    else:
        print_lines(sentence.format(held=_called(len(done))))
        for each in not_held:
            note(f"{each} is not held; `mailsluice status {each}` tells what became of it.")
    if not_held:
        raise typer.Exit(ExitCode.NO)


def _called(count: int) -> str:
    return f"{count} held {'message' if count == 1 else 'messages'}"
