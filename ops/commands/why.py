"""`mailsluice why`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from db.address_reports import about
from db.suppressions import EVERYWHERE
from ops.commands.suppression_history import print_history
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, cell, note, print_json, print_lines, print_table
from ops.report_options import Limit  # noqa: TC001  Typer reads the annotations
from ops.standing import ladder, ladder_in_words, verdicts
from ops.suppression_file import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.settings import Settings
    from db.address_reports import AddressRecord
    from db.suppressions import Suppression
    from ops.standing import Verdict


@examples(
    "mailsluice why ada@example.com",
    "mailsluice why ada@example.com --limit 0 --json",
)
def why(
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    *,
    limit: Limit = 10,
    as_json: AsJson = False,
) -> None:
    """Tell what is known of an address, what it was sent, and why it is suppressed or not.

    --limit is for each of its messages, bounces and complaints, the latest first. Ends with 1 when
    nobody has heard of the address. To ask only whether it is suppressed, use `suppressions show`.
    """
    settings = load_settings()
    key = key_of(address)
    with database(settings) as engine:
        found = about(engine, key, most=limit or sys.maxsize)
    if as_json:
        print_json(_for_programs(settings, key, found))
    elif found.is_empty:
        note(f"Nobody has heard of {key}: nothing was sent to it, and it was never suppressed.")
    else:
        _print(settings, key, found)
    raise typer.Exit(ExitCode.NO if found.is_empty else ExitCode.DONE)


def _for_programs(settings: Settings, key: str, found: AddressRecord) -> dict[str, object]:
    told = verdicts(found, settings.streams)
    return {
        "address": key,
        "streams": [
            {"stream": each.stream, "stopped": each.stopped, "why": each.why} for each in told
        ],
        "entries": [{**vars(each), "in_force": found.in_force(each)} for each in found.entries],
        "changes": found.changes,
        "soft_bounces": ladder(found, settings.suppression_policy.soft_bounces),
        "counts": found.counts,
        "messages": found.messages,
        "bounces": found.bounces,
        "complaints": found.complaints,
    }


def _print(settings: Settings, key: str, found: AddressRecord) -> None:
    told = verdicts(found, settings.streams)
    print_lines(_in_a_sentence(key, told), "")
    print_table(
        ("STREAM", "MAIL WOULD BE", "FOR"),
        [(each.stream, "stopped" if each.stopped else "sent", _reasons(each.why)) for each in told],
    )
    _section("On the suppression list", _entries(found))
    if found.changes:
        print_lines("", "Every change of its entries:", "")
        print_history(found.changes)
    rules = settings.suppression_policy.soft_bounces
    print_lines("", ladder_in_words(ladder(found, rules)))
    _section(f"Messages ({_counted(found)}), the latest", _messages(found))
    _section("Bounces, the latest", _bounces(found))
    _section("Complaints, the latest", _complaints(found))


def _in_a_sentence(key: str, told: Sequence[Verdict]) -> str:
    stopped = [each.stream for each in told if each.stopped]
    if not stopped:
        return f"{key} is not suppressed."
    if len(stopped) == len(told):
        return f"{key} is suppressed in every stream."
    return f"{key} is suppressed in {', '.join(stopped)}."


def _reasons(entries: Iterable[Suppression]) -> str:
    return ", ".join(f"{each.reason} ({_scope(each)})" for each in entries)


def _scope(entry: Suppression) -> str:
    return "everywhere" if entry.scope == EVERYWHERE else "this stream"


def _section(title: str, rows: Sequence[Sequence[object]]) -> None:
    """A titled table, its first row the header, if there is more than that."""
    if len(rows) > 1:
        print_lines("", f"{title}:", "")
        print_table([str(name) for name in rows[0]], rows[1:])


def _entries(found: AddressRecord) -> list[Sequence[object]]:
    return [
        ("SCOPE", "REASON", "SINCE", "UNTIL", "SOURCE", "MESSAGE", "NOTE"),
        *(
            (
                entry.scope,
                entry.reason,
                entry.created_at,
                _until(found, entry),
                entry.source,
                entry.message_id,
                entry.note,
            )
            for entry in found.entries
        ),
    ]


def _until(found: AddressRecord, entry: Suppression) -> str:
    until = cell(entry.expires_at) or "for ever"
    return until if found.in_force(entry) else f"{until} (expired)"


def _counted(found: AddressRecord) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(found.counts.items()))


def _messages(found: AddressRecord) -> list[Sequence[object]]:
    return [
        ("FIRST SEEN", "MESSAGE", "STREAM", "STATE", "FOR IT", "SENT", "DELIVERED"),
        *(
            (
                each.first_seen_at,
                each.id,
                each.stream,
                each.message_state,
                each.state,
                each.sent_at,
                each.delivered_at,
            )
            for each in found.messages
        ),
    ]


def _bounces(found: AddressRecord) -> list[Sequence[object]]:
    return [
        ("TIME", "BOUNCE", "STATUS", "DIAGNOSTIC", "SERVER", "SOFT", "MESSAGE"),
        *(
            (
                each.bounced_at,
                f"{each.bounce_type}/{each.bounce_subtype}",
                each.status,
                each.diagnostic_code,
                each.reporting_mta,
                "counts" if each.is_soft else None,
                each.message_id,
            )
            for each in found.bounces
        ),
    ]


def _complaints(found: AddressRecord) -> list[Sequence[object]]:
    return [
        ("TIME", "TYPE", "SUBTYPE", "TOLD BY", "MESSAGE"),
        *(
            (
                each.complained_at,
                each.complaint_type,
                each.complaint_subtype,
                each.user_agent,
                each.message_id,
            )
            for each in found.complaints
        ),
    ]
