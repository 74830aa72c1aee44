"""`mailsluice summary`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from config.settings import load_settings
from db import summaries
from ops.database import database
from ops.examples import examples
from ops.output import AsJson, print_json, print_lines, print_table
from ops.report_options import DEFAULT_DAYS, Days, Stream, chosen_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from db.summaries import Counts, Stray, Summary

# Always shown, and shown where any line has one.
_ALWAYS = {
    "SENT": "sent",
    "DELIVERED": "delivered",
    "PERMANENT": "permanent_bounces",
    "TRANSIENT": "transient_bounces",
    "COMPLAINTS": "complaints",
    "SUPPRESSED": "suppressed",
    "FAILED": "failed",
}
_SOMETIMES = {
    "UNDETERMINED": "undetermined_bounces",
    "REJECTED": "rejected",
    "AWAITED": "awaited",
    "EXPIRED": "expired",
    "PARKED": "parked",
    "SENDING": "sending",
    "UNKNOWN": "unknown",
}


@examples(
    "mailsluice summary",
    "mailsluice summary --days 30 --stream marketing --json",
)
def summary(*, days: Days = DEFAULT_DAYS, stream: Stream = None, as_json: AsJson = False) -> None:
    """Count what became of the mail of each day and stream, in recipients.

    Each recipient of a message is counted once, on the day (UTC) when a worker first took the
    message, with what is known of it now. Rates are parts of what SES took; bounces are those of
    type Permanent.
    """
    settings = load_settings()
    only = chosen_stream(settings, stream)
    with database(settings) as engine:
        found = summaries.summary(engine, days=days, stream=only)
    if as_json:
        print_json(_for_programs(found))
    else:
        _print(found)


def _for_programs(found: Summary) -> dict[str, object]:
    everything = summaries.total(line.counts for line in found.lines)
    return {
        "days": [
            {"day": line.day, "stream": line.stream, **_figures(line.counts)}
            for line in found.lines
        ],
        "total": _figures(everything),
        "not_in_ledger": found.strays,
    }


def _figures(counts: Counts) -> dict[str, object]:
    """`delivered` holds those who complained too: they got it."""
    return {
        "recipients": counts.recipients,
        "sent": counts.sent,
        **asdict(counts),
        "delivered": _delivered(counts),
        "bounces": counts.bounces,
        "delivered_rate": counts.share(_delivered(counts)),
        "bounce_rate": counts.share(counts.permanent_bounces),
        "complaint_rate": counts.share(counts.complaints),
    }


def _delivered(counts: Counts) -> int:
    return counts.delivered + counts.complaints


def _print(found: Summary) -> None:
    everything = _figures(summaries.total(line.counts for line in found.lines))
    columns = _ALWAYS | {name: key for name, key in _SOMETIMES.items() if everything[key]}
    lines = [(str(line.day), line.stream, _figures(line.counts)) for line in found.lines]
    print_table(
        ("DAY", "STREAM", *columns, "DELIVERED %", "BOUNCE %", "COMPLAINT %"),
        [
            (day, stream, *(figures[key] for key in columns.values()), *_rates(figures))
            for day, stream, figures in [*lines, ("in all", None, everything)]
        ],
    )
    if found.strays:
        _print_strays(found.strays)


def _rates(figures: dict[str, object]) -> list[str | None]:
    return [
        _percent(figures[f"{name}_rate"], digits)
        for name, digits in (("delivered", 1), ("bounce", 2), ("complaint", 3))
    ]


def _percent(share: object, digits: int) -> str | None:
    return f"{100 * share:.{digits}f}" if isinstance(share, float) else None


def _print_strays(strays: Iterable[Stray]) -> None:
    print_lines("", "Bounces and complaints about mail that is not in the ledger:", "")
    print_table(
        ("DAY", "PERMANENT", "TRANSIENT", "UNDETERMINED", "COMPLAINTS"),
        [
            (
                str(each.day),
                each.permanent_bounces,
                each.transient_bounces,
                each.undetermined_bounces,
                each.complaints,
            )
            for each in strays
        ],
    )
