"""`mailsluice status`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003  Typer reads the annotations

import typer
from rich.console import Group
from rich.live import Live

from config.settings import load_settings
from db.messages import status as read_status
from db.states import FINAL, TAKEN_BY_SES, MessageState, RecipientState
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.meanings import MEANING, NEVER_SEEN
from ops.output import AsJson, console, note, print_json, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.console import RenderableType
    from sqlalchemy import Engine

    from db.messages import MessageStatus

WATCH_INTERVAL_SECONDS = 0.5

_OPEN = {RecipientState.PENDING, RecipientState.SENT, RecipientState.DELAYED}


@examples(
    "mailsluice status 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5",
    "mailsluice status 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5 --watch",
)
def status(
    message_id: Annotated[UUID, typer.Argument(metavar="ID", help="The message's id.")],
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow it until the last recipient's fate is known.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a message: its state, recipients, times and events.

    Ends with 1 when no worker has seen it. With --watch and --json, prints once, at the end.
    """
    with database(load_settings()) as engine:
        found = _followed(engine, message_id, as_json) if watch else read_status(engine, message_id)
    if found is None:
        note(NEVER_SEEN.format(id=message_id))
        raise typer.Exit(ExitCode.NO)
    if as_json:
        print_json(found)
    elif not (watch and console().is_terminal):
        console().print(_picture(found))


def is_settled(found: MessageStatus) -> bool:
    """Whether nothing more is to be expected for any recipient."""
    state = MessageState(found.state)
    if state not in TAKEN_BY_SES or state is MessageState.REJECTED:
        return state in FINAL
    return not _OPEN.intersection(found.recipients.values())


def _followed(engine: Engine, message_id: UUID, as_json: bool) -> MessageStatus | None:  # noqa: FBT001  an option handed on
    """Follow the message to its end. On a terminal the picture changes in place."""
    screen, found = console(), None
    if as_json or not screen.is_terminal:
        for found in _changes(engine, message_id):
            note(found.state if found else NEVER_SEEN.format(id=message_id))
        return found
    with Live(console=screen, auto_refresh=False) as live:
        for found in _changes(engine, message_id):
            live.update(_picture(found) if found else NEVER_SEEN.format(id=message_id))
            live.refresh()
    return found


def _changes(engine: Engine, message_id: UUID) -> Iterator[MessageStatus | None]:
    """What the ledger says, each time it says something new, until the message is settled."""
    found = read_status(engine, message_id)
    yield found
    while found is None or not is_settled(found):
        time.sleep(WATCH_INTERVAL_SECONDS)
        before, found = found, read_status(engine, message_id)
        if found != before:
            yield found


def _picture(found: MessageStatus) -> RenderableType:
    recipients = sorted(found.recipients.items())
    return Group(
        table(("MESSAGE", str(found.id)), [row for row in _facts(found) if row[1]]),
        "",
        table(("RECIPIENT", "STATE"), recipients),
        "",
        table(("TIME", "WHAT HAPPENED"), _timeline(found)),
    )


def _facts(found: MessageStatus) -> list[tuple[str, object]]:
    state = MessageState(found.state)
    return [
        ("stream", found.stream),
        ("state", f"{state}: {MEANING[state]}"),
        ("reason", found.outcome_reason),
        ("code", found.outcome_code),
        ("attempts", str(found.attempts)),
        ("due", found.due_at),
        ("expires", found.expires_at),
        ("id at SES", found.ses_message_id),
    ]


def _timeline(found: MessageStatus) -> list[tuple[datetime, str]]:
    known = [
        (found.enqueued_at, "enqueued"),
        (found.first_seen_at, "first taken by a worker"),
        (found.sent_at, "accepted by SES"),
        *((event.occurred_at, f"event: {event.kind}") for event in found.events),
    ]
    return sorted((when, what) for when, what in known if when is not None)
