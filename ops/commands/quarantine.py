"""`mailsluice events quarantine`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from db import quarantine
from ops.commands.choosing import Yes, check_choice, confirm
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.authenticity import Admit
    from consumers.replaying import Replayed

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As `list` tells them.")]
All = Annotated[bool, typer.Option("--all", help="All that are in quarantine.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="""See, replay or discard events that could not be used.

A message of an events queue that cannot be understood, believed or stored is kept with its reason,
out of the way of the others.

\b
Examples:
  mailsluice events quarantine list
  mailsluice events quarantine show 17
  mailsluice events quarantine replay --all
""",
)


@app.command("list")
@examples(
    "mailsluice events quarantine list",
    "mailsluice events quarantine list --limit 0 --json",
)
def list_all(
    *,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine and why, the oldest first. No bodies."""
    settings = load_settings()
    most = limit + 1 if limit else sys.maxsize
    with database(settings) as engine:
        found = quarantine.quarantined(engine, settings.events_queue_names, most=most)
    shown = found[:limit] if limit else found
    if as_json:
        print_json(shown)
        return
    print_table(
        ("ID", "QUEUE", "SQS MESSAGE", "SEEN", "LAST SEEN", "REASON"),
        [
            (
                each.id,
                each.queue,
                each.sqs_message_id,
                each.times_seen,
                each.last_seen_at,
                each.reason,
            )
            for each in shown
        ],
    )
    if len(found) > len(shown):
        note(f"\nThere are more than {limit}; --limit 0 lists all.")


@app.command("show")
@examples(
    "mailsluice events quarantine show 17",
    "mailsluice events quarantine show 17 --json",
)
def show(
    quarantined_id: Annotated[int, typer.Argument(metavar="ID", help="As `list` tells it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one message with its body, which holds addresses and content.

    Ends with 1 if there is no such message.
    """
    settings = load_settings()
    queues = settings.events_queue_names
    with database(settings) as engine:
        found = quarantine.quarantined(engine, queues, most=1, ids=[quarantined_id])
        body = quarantine.body(engine, queues, quarantined_id)
    if not found or body is None:
        note(f"{quarantined_id} is not in quarantine.")
        raise typer.Exit(ExitCode.NO)
    if as_json:
        print_json({"message": found[0], "body": body})
        return
    print_lines(f"{found[0].queue}: {found[0].reason}", "", body)


@app.command("replay")
@examples(
    "mailsluice events quarantine replay 17 18",
    "mailsluice events quarantine replay --all",
)
def replay(
    ids: Ids = None, *, all_of_them: All = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Read and apply messages again, by the rules and settings of today.

    What is applied leaves the quarantine; an event that came in another way meanwhile changes
    nothing. Ends with 1 if one stays, or was not found.
    """
    check_choice(ids, all_of_them=all_of_them)
    settings = load_settings()
    from consumers.queues import find_queue  # noqa: PLC0415  boto3
    from consumers.replaying import replay as replay_in  # noqa: PLC0415

    def admit_of(queue: str) -> Admit:
        return find_queue(settings, queue).admit_fetching

    queues = settings.events_queue_names
    with database(settings) as engine:
        if all_of_them:
            confirm(f"Replay all {quarantine.count(engine, queues)} messages?", yes=yes)
        done = replay_in(engine, queues, ids or None, admit_of, settings.suppression_policy)
    _report(done, ids, as_json=as_json)


@app.command("discard")
@examples(
    "mailsluice events quarantine discard 17",
    "mailsluice events quarantine discard --all --yes",
)
def discard(
    ids: Ids = None, *, all_of_them: All = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Throw the content of messages away: they cannot be replayed any more.

    One that may have told what became of a message of ours still counts as such: the unknown
    outcomes of its time are held for a person. Ends with 1 if one was not found.
    """
    check_choice(ids, all_of_them=all_of_them)
    settings = load_settings()
    queues = settings.events_queue_names
    with database(settings) as engine:
        if all_of_them:
            confirm(f"Discard all {quarantine.count(engine, queues)} messages?", yes=yes)
        done = quarantine.discard(engine, queues, ids or None)
    missing = _missing(ids, done)
    if as_json:
        print_json({"discarded": done, "not_found": missing})
    else:
        print_lines(f"{_messages(len(done))} discarded.")
    _end(missing)


def _report(done: Replayed, ids: list[int] | None, *, as_json: bool) -> None:
    missing = _missing(ids, [*done.applied, *done.refused, *done.unproven])
    if as_json:
        print_json({"replayed": done, "not_found": missing})
    else:
        print_lines(f"{_messages(len(done.applied))} applied; {done.new_events} events were new.")
        for each, reason in done.refused.items():
            note(f"{each} stays in quarantine: {reason}")
        for each in done.unproven:
            note(f"{each} stays in quarantine: its certificate cannot be fetched now.")
    _end(missing, stays=bool(done.refused or done.unproven))


def _missing(ids: Sequence[int] | None, found: Sequence[int]) -> list[int]:
    return [each for each in dict.fromkeys(ids or ()) if each not in set(found)]


def _end(missing: Sequence[int], *, stays: bool = False) -> None:
    for each in missing:
        note(f"{each} is not in quarantine.")
    if missing or stays:
        raise typer.Exit(ExitCode.NO)


def _messages(count: int) -> str:
    return f"{count} {'message' if count == 1 else 'messages'}"
