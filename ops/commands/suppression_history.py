"""`mailsluice suppressions history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from db.suppression_changes import Change, history
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_table
from ops.suppression_file import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@examples(
    "mailsluice suppressions history ada@example.com",
    "mailsluice suppressions history ada@example.com --json",
)
def show_history(
    address: Annotated[str, typer.Argument(metavar="ADDRESS")], *, as_json: AsJson = False
) -> None:
    """Tell what put an address on the list or took it off, when, and who. Ends with 1 if nothing.

    EVENT is the identity under which the event is kept in the table email_events.
    """
    key = key_of(address)
    with database(load_settings()) as engine:
        changes = history(engine, key)
    if as_json:
        print_json({"address": key, "changes": changes})
    elif changes:
        print_history(changes)
    else:
        note(f"{key} has never been on the list.")
    raise typer.Exit(ExitCode.DONE if changes else ExitCode.NO)


def print_history(changes: Sequence[Change]) -> None:
    """A table of changes."""
    print_table(
        ("WHEN", "SCOPE", "CHANGE", "WHY", "ENTRY", "UNTIL", "WHO", "EVENT", "NOTE"),
        [
            (
                each.changed_at,
                each.scope,
                each.action,
                each.reason,
                each.entry_reason,
                each.entry_expires_at,
                each.by or each.source,
                each.event,
                each.note,
            )
            for each in changes
        ],
    )
