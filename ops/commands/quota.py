"""`mailsluice quota`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from config.quotas import quota_limit
from config.settings import load_settings
from db import gates
from db import quota as quotas
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines, print_table
from ops.pausing import told
from ops.times import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from db.gates import ShutGate
    from db.quota import Usage


@dataclass(frozen=True)
class StreamQuota:
    """Up to where a stream may use the day, and what shuts it because of that."""

    stream: str
    part: float
    limit: int | None
    shut_by: list[ShutGate]


@examples("mailsluice quota", "mailsluice quota --json | jq .left")
def quota(*, as_json: AsJson = False) -> None:
    """Show the day's quota, what is used and left, and up to where each stream may use it.

    Ends with 1 when the account was never read.
    """
    settings = load_settings()
    with database(settings) as engine:
        usage = quotas.usage(engine, settings.aws_region)
        shut = [gate for gate in gates.all_shut(engine) if gate.reason == gates.QUOTA]
    if usage is None:
        note("SES's account has not been read yet: is a `mailsluice scheduler` running?")
        raise typer.Exit(ExitCode.NO)
    views = _views(settings, usage, shut)
    if as_json:
        print_json(_document(usage, views))
        return
    print_lines(*_sentences(usage))
    print_table(
        ("STREAM", "MAY USE", "UP TO", "QUOTA GATE"),
        [(each.stream, f"{each.part:.0%}", each.limit, _gate(each)) for each in views],
    )


def _views(settings: Settings, usage: Usage, shut: Sequence[ShutGate]) -> list[StreamQuota]:
    return [
        StreamQuota(
            stream=stream.name,
            part=stream.quota_part,
            limit=None
            if usage.is_unlimited
            else quota_limit(stream, usage.quota, usage.max_send_rate),
            shut_by=[gate for gate in shut if gate.scope in (stream.name, gates.EVERYTHING)],
        )
        for stream in settings.streams.values()
    ]


def _document(usage: Usage, views: Sequence[StreamQuota]) -> dict[str, object]:
    return {
        "quota": None if usage.is_unlimited else usage.quota,
        "used": usage.used,
        "left": usage.left,
        "said_by_ses": usage.said,
        "sent_since": usage.since,
        "read_seconds_ago": usage.read_seconds_ago,
        "streams": list(views),
    }


def _sentences(usage: Usage) -> list[str]:
    read = f"SES said {usage.said:.0f} {duration(usage.read_seconds_ago)} ago"
    used = f"{usage.used:.0f} recipients in 24 hours ({read}, {usage.since} since)"
    if usage.is_unlimited or usage.left is None:
        return [f"The account has no quota of 24 hours. Sent: {used}.", ""]
    return [f"Quota: {usage.quota:.0f}. Used: {used}. Left: {usage.left:.0f}.", ""]


def _gate(view: StreamQuota) -> str:
    if not view.shut_by:
        return "open"
    return "shut: " + "; ".join(told(gate) for gate in view.shut_by)
