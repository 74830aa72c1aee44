"""`mailsluice message`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003  Typer reads the annotations

import typer

from config.settings import load_settings
from db.states import MessageState
from db.timelines import on_record
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.meanings import MEANING, NEVER_SEEN
from ops.output import AsJson, note, print_json, print_lines, print_table
from ops.timeline import steps, unknown

if TYPE_CHECKING:
    from db.timelines import LedgerRow, OnRecord


@examples(
    "mailsluice message 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5",
    "mailsluice message 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5 --json",
)
def message(
    message_id: Annotated[UUID, typer.Argument(metavar="ID", help="The message's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell the whole life of a message, step by step, and what about it is not known.

    Ends with 1 when neither a worker nor an event of SES has named it. To follow one that is on
    its way, use `mailsluice status ID --watch`.
    """
    with database(load_settings()) as engine:
        found = on_record(engine, message_id)
    if found is None:
        note(NEVER_SEEN.format(id=message_id))
        raise typer.Exit(ExitCode.NO)
    if as_json:
        print_json(_for_programs(message_id, found))
    else:
        _print(message_id, found)


def _for_programs(message_id: UUID, found: OnRecord) -> dict[str, object]:
    return {
        "id": message_id,
        "message": found.message,
        "recipients": found.recipients,
        "timeline": steps(found),
        "not_known": unknown(found),
    }


def _print(message_id: UUID, found: OnRecord) -> None:
    if found.message:
        facts = [row for row in _facts(found.message) if row[1] is not None]
        print_table(("MESSAGE", str(message_id)), facts)
        print_lines("")
        print_table(
            ("RECIPIENT", "STATE", "DELIVERED"),
            [(each.address, each.state, each.delivered_at) for each in found.recipients],
        )
        print_lines("")
    print_table(
        ("TIME", "WHAT HAPPENED", "TO", "DETAILS"),
        [(step.at, step.what, step.address, step.details) for step in steps(found)],
    )
    gaps = unknown(found)
    if gaps:
        print_lines("", "Not known:", *(f"- {sentence}" for sentence in gaps))


def _facts(found: LedgerRow) -> list[tuple[str, object]]:
    state = MessageState(found.state)
    return [
        ("stream", found.stream),
        ("state", f"{state}: {MEANING[state]}"),
        ("code", found.outcome_code),
        ("reason", found.outcome_reason),
        ("due", found.due_at),
        ("in hand until", found.lease_until),
        ("expires", found.expires_at),
        ("claims", _claims(found)),
        ("id at SES", found.ses_message_id),
    ]


def _claims(found: LedgerRow) -> str:
    told = []
    if found.attempts_used:
        told.append(f"{found.attempts_used} failed for the message's own sake")
    if found.lost_claims:
        told.append(f"{found.lost_claims} ended with the worker")
    return f"{found.claims} ({', '.join(told)})" if told else str(found.claims)
