"""`mailsluice suppressions`."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import ConfigurationError
from config.settings import load_settings
from db.suppressions import EVERYWHERE, OPERATOR, Suppression, add, find, pages, remove
from ops.commands.suppression_files import export_csv, import_csv
from ops.commands.suppression_history import show_history
from ops.commands.suppression_sync import drift, sync
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.operators import By, operator
from ops.output import AsJson, cell, note, print_json, print_lines, print_table
from ops.stream_names import known_stream
from ops.suppression_file import key_of
from ops.times import days_from_now, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.settings import Settings


class Reason(StrEnum):
    """Why an address is on the list, from the weakest reason to the strongest."""

    SOFT_BOUNCE = "soft_bounce"
    ACCOUNT_LIST = "account_list"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
Stream = Annotated[
    str | None, typer.Option(metavar="STREAM", help="Only in this stream; by default everywhere.")
]

NoteText = Annotated[str | None, typer.Option("--note", help="For whoever looks later.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="""See and change who must not be mailed.

\b
Examples:
  mailsluice suppressions list --reason complaint
  mailsluice suppressions show ada@example.com
  mailsluice suppressions history ada@example.com
  mailsluice suppressions export list.csv
  mailsluice suppressions sync --dry-run
""",
)


@app.command("list")
@examples(
    "mailsluice suppressions list",
    "mailsluice suppressions list --reason bounce --limit 0 --json",
)
def list_all(
    *,
    reason: Annotated[Reason | None, typer.Option(help="Only those of this reason.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the entries by address, expired ones too."""
    with database(load_settings()) as engine:
        chosen = pages(engine, reason=reason.value if reason else None)
        found = (entry for page in chosen for entry in page)
        shown = list(islice(found, limit or None))
        more = next(found, None) is not None
    if as_json:
        print_json(shown)
        return
    _print(shown)
    if more:
        note(f"\nThere are more than {limit}; --limit 0 lists all.")


@app.command()
@examples(
    "mailsluice suppressions show ada@example.com",
    "mailsluice suppressions show ada@example.com >/dev/null && echo suppressed",
)
def show(address: Address, *, as_json: AsJson = False) -> None:
    """Tell whether an address may not be mailed. Ends with 0 if it is suppressed, 1 if not."""
    key = key_of(address)
    with database(load_settings()) as engine:
        found = find(engine, key)
    suppressed = any(_in_force(entry) for entry in found)
    if as_json:
        print_json({"address": key, "suppressed": suppressed, "entries": found})
    else:
        if found:
            _print(found)
        if not suppressed:
            note(f"{key} is not suppressed.")
    raise typer.Exit(ExitCode.DONE if suppressed else ExitCode.NO)


@app.command("add")
@examples(
    'mailsluice suppressions add ada@example.com --note "asked by phone"',
    "mailsluice suppressions add ada@example.com --stream marketing --reason unsubscribe",
    "mailsluice suppressions add ada@example.com --days 30",
)
def add_one(
    address: Address,
    *,
    reason: Annotated[Reason, typer.Option()] = Reason.MANUAL,
    stream: Stream = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until then, such as 2030-01-31T09:30:00Z.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="For so many days.")] = None,
    note_text: NoteText = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Put an address on the list. From then on no message to it is claimed for sending.

    An entry for as strong a reason or a stronger one stays as it is.
    """
    settings = load_settings()
    wanted = Suppression(
        address=key_of(address),
        reason=reason.value,
        source=OPERATOR,
        by=operator(by),
        scope=_scope(settings, stream) or EVERYWHERE,
        note=note_text,
        expires_at=_expiry(expires_at, days),
    )
    with database(settings) as engine:
        changed = bool(add(engine, [wanted]))
        held = next(each for each in find(engine, wanted.address) if each.scope == wanted.scope)
    if as_json:
        print_json({"changed": changed, "entry": held})
    elif changed:
        print_lines(f"{held.address} is suppressed {_extent(held)}.")
    else:
        print_lines(
            f"{held.address} was suppressed {_extent(held)} ({held.reason}); nothing changed. "
            "To change the entry, remove it first."
        )


@app.command("remove")
@examples(
    "mailsluice suppressions remove ada@example.com",
    "mailsluice suppressions remove ada@example.com --stream marketing",
)
def remove_one(
    address: Address,
    *,
    stream: Stream = None,
    note_text: NoteText = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take an address off the list, in one stream or altogether; 1 if it was not on it.

    New evidence puts it on again. Soft bounces from before count no more.
    """
    settings = load_settings()
    key, scope = key_of(address), _scope(settings, stream)
    with database(settings) as engine:
        removed = remove(engine, key, scope=scope, by=operator(by), note=note_text)
    if as_json:
        print_json({"address": key, "removed": removed})
    elif removed:
        print_lines(f"{key} is off the list ({removed} {'entry' if removed == 1 else 'entries'}).")
    else:
        note(f"{key} was not on the list{f' of stream {scope}' if scope else ''}.")
    if not removed:
        raise typer.Exit(ExitCode.NO)


app.command("history")(show_history)
app.command("import")(import_csv)
app.command("export")(export_csv)
app.command("sync")(sync)
app.command("drift")(drift)


def _scope(settings: Settings, stream: str | None) -> str | None:
    return None if stream is None else known_stream(settings, stream)


def _expiry(expires_at: str | None, days: float | None) -> datetime | None:
    if expires_at is not None and days is not None:
        raise ConfigurationError("--expires-at and --days both say until when: give one of them.")
    try:
        moment = parse_time(expires_at) if expires_at is not None else None
    except ValueError as error:
        raise ConfigurationError(f"--expires-at {error}.") from None
    if days is not None:
        moment = days_from_now(days)
    if moment is not None and moment <= datetime.now(UTC):
        raise ConfigurationError("The suppression would have expired already.")
    return moment


def _in_force(entry: Suppression) -> bool:
    return entry.expires_at is None or entry.expires_at > datetime.now(UTC)


def _extent(entry: Suppression) -> str:
    where = "everywhere" if entry.scope == EVERYWHERE else f"in stream {entry.scope}"
    return f"{where} until {cell(entry.expires_at)}" if entry.expires_at else where


def _print(found: Iterable[Suppression]) -> None:
    print_table(
        ("ADDRESS", "SCOPE", "REASON", "SOURCE", "SINCE", "UNTIL", "NOTE"),
        [
            (
                entry.address,
                entry.scope,
                entry.reason,
                entry.source,
                entry.created_at,
                _until(entry),
                entry.note,
            )
            for entry in found
        ],
    )


def _until(entry: Suppression) -> str:
    return cell(entry.expires_at) + ("" if _in_force(entry) else " (expired)")
