"""`mailsluice dlq`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from config import aws
from config.queues import depth_of
from config.settings import load_settings
from db import refused
from ops.commands.choosing import Yes, check_choice, confirm
from ops.database import database
from ops.dead_letter_queues import look_at_all, named
from ops.dead_letters import PEEK_SECONDS, DeadLetter, Hand, job_id
from ops.discarding import discard
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table
from ops.queue_depths import url_of
from ops.redriving import redrive
from ops.times import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from ops.dead_letter_queues import DeadLetterQueue, Filled
    from ops.discarding import Discarded
    from ops.redriving import Redriven

Stream = Annotated[
    str, typer.Argument(metavar="STREAM", help="A stream, or `events` for the events' own.")
]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="""See, send back or discard dead letters.

SQS puts a message there that was received too often in vain: nobody could read it, or it ended
every worker that took it.

\b
Examples:
  mailsluice dlq list
  mailsluice dlq show marketing
  mailsluice dlq redrive marketing --wait
""",
)


@app.command("list")
@examples(
    "mailsluice dlq list",
    "mailsluice dlq list --json | jq '.[] | select(.depth.visible > 0)'",
)
def list_all(*, as_json: AsJson = False) -> None:
    """List the dead-letter queues of all streams and of the events.

    Depths are SQS's approximations. The oldest is that of the up to ten that one look showed.
    """
    found = look_at_all(load_settings())
    if as_json:
        print_json(found)
        return
    print_table(
        ("OF", "DEAD-LETTER QUEUE", "VISIBLE", "IN FLIGHT", "OLDEST SEEN", "SENT"),
        [_line(each) for each in found],
    )
    if any(each.depth is None for each in found):
        note("\nSome queues are missing. Run: mailsluice provision")


@app.command("show")
@examples(
    "mailsluice dlq show marketing",
    "mailsluice dlq show events --limit 50 --bodies --json",
)
def show(
    stream: Stream,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 10,
    bodies: Annotated[
        bool, typer.Option("--bodies", help="Bodies too: they hold addresses and content.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show dead letters and why they were refused, and leave them where they are.

    They are out of others' sight for a moment, and SQS counts this look as a receive.
    """
    settings = load_settings()
    queue = named(settings, stream)
    with database(settings) as engine:
        letters = _look_at(settings, queue, limit)
        reasons = refused.reasons(engine, [each.sqs_message_id for each in letters])
    shown = [_shown(each, reasons, bodies=bodies) for each in letters]
    if as_json:
        print_json({"queue": queue.name, "letters": shown})
        return
    print_table(
        ("SQS MESSAGE", "RECEIVED", "SENT", "FROM", "JOB", "REASON"),
        [[value for name, value in each.items() if name != "body"] for each in shown],
    )
    for each in shown if bodies else ():
        print_lines(f"\n{each['sqs_message_id']}:", each["body"])


@app.command("redrive")
@examples(
    "mailsluice dlq redrive marketing --wait",
    "mailsluice dlq redrive transactional --limit 5",
)
def redrive_all(
    stream: Stream,
    *,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many; by default all.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until SQS has moved all.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the queue that they come from, to be tried anew.

    Without --limit SQS does it by itself, in a task that this command starts. A message that was
    sent before is not sent again. Ends with 1 if some could not be moved.
    """
    settings = load_settings()
    queue = named(settings, stream)
    done = redrive(aws.sqs(settings), queue, most=limit, wait=wait)
    if as_json:
        print_json(done)
    else:
        print_lines(_moved(queue, done))
        for problem in done.problems:
            note(problem)
    if done.problems:
        raise typer.Exit(ExitCode.NO)


@app.command("discard")
@examples(
    "mailsluice dlq discard marketing 3c1f9f0e-6a57-4c4e-9d0b-2f1f6f1c7a11",
    "mailsluice dlq discard marketing --all",
)
def discard_some(
    stream: Stream,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SQS_MESSAGE_ID]...", help="As `dlq show` tells them."),
    ] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters, after each was written down in the table refused_messages.

    They are never tried again. Ends with 1 if one was not found or not deleted.
    """
    check_choice(ids, all_of_them=all_of_them)
    settings = load_settings()
    queue, sqs = named(settings, stream), aws.sqs(settings)
    with database(settings) as engine:
        if all_of_them:
            count = depth_of(sqs, url_of(sqs, queue.name)).visible
            confirm(f"Discard all of {queue.name}, about {count} dead letters?", yes=yes)
        done = discard(engine, sqs, queue, None if all_of_them else ids)
    _report(done, queue, as_json=as_json)
    if done.not_found or done.failed:
        raise typer.Exit(ExitCode.NO)


def _line(each: Filled) -> Sequence[object]:
    of, age = each.queue.of, each.oldest_age_seconds
    if each.depth is None:
        return (of, f"{each.queue.name} (missing)", None, None, None, None)
    return (
        of,
        each.queue.name,
        each.depth.visible,
        each.depth.in_flight,
        None if age is None else duration(age),
        each.oldest_sent_at,
    )


def _look_at(settings: Settings, queue: DeadLetterQueue, limit: int) -> list[DeadLetter]:
    sqs = aws.sqs(settings)
    with Hand(sqs, url_of(sqs, queue.name), visibility_seconds=PEEK_SECONDS) as hand:
        return [letter for batch in hand.batches(limit) for letter in batch]


def _shown(letter: DeadLetter, reasons: dict[str, str], *, bodies: bool) -> dict[str, Any]:
    """What is told of a letter, in the order of the table's columns."""
    body = {"body": letter.body} if bodies else {}
    return {
        "sqs_message_id": letter.sqs_message_id,
        "receive_count": letter.receive_count,
        "sent_at": letter.sent_at,
        "source_queue": letter.source_queue,
        "job_id": job_id(letter.body),
        "reason": reasons.get(letter.sqs_message_id),
        **body,
    }


def _moved(queue: DeadLetterQueue, done: Redriven) -> str:
    if done.moved is None:
        return (
            f"SQS now moves what lies on {queue.name} to {queue.source}: {_letters(done.to_move)}, "
            "about. `mailsluice dlq list` shows how many are left."
        )
    return f"{_letters(done.moved)} went back to {queue.source}."


def _letters(count: int | None) -> str:
    return f"{count} dead {'letter' if count == 1 else 'letters'}"


def _report(done: Discarded, queue: DeadLetterQueue, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    print_lines(f"{_letters(len(done.discarded))} of {queue.name} written down and deleted.")
    for each in done.not_found:
        note(f"{each} was not found; it may be in somebody's hands. `mailsluice dlq show` tells.")
    for each, why in done.failed.items():
        note(f"{each} was written down, but is not deleted: {why}")
