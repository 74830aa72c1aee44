"""Whether mail to an address would be stopped now, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.soft_bounces import standing
from db.suppressions import EVERYWHERE
from ops.output import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from config.suppression import SoftBounces
    from db.address_reports import AddressRecord
    from db.suppressions import Suppression

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Verdict:
    """Whether a stream's mail to the address would be stopped, and by which entries."""

    stream: str
    stopped: bool
    why: Sequence[Suppression]


@dataclass(frozen=True)
class Ladder:
    """Where soft bounces have brought the address.

    `counting` of `limit` within the window count now; `suppressions` is how often they have
    suppressed it since its last delivery, and `next_lasts_seconds` for how long one more would.
    """

    counting: int
    limit: int
    window_seconds: float
    suppressions: int
    suppressed_until: datetime | None
    next_lasts_seconds: float


def verdicts(found: AddressRecord, streams: Iterable[str]) -> list[Verdict]:
    """For each stream what a claim would find now."""
    in_force = [entry for entry in found.entries if found.in_force(entry)]
    why = {
        stream: [entry for entry in in_force if entry.scope in (EVERYWHERE, stream)]
        for stream in streams
    }
    return [Verdict(stream, bool(entries), entries) for stream, entries in why.items()]


def ladder(found: AddressRecord, rules: SoftBounces) -> Ladder:
    """The standing of the address at the moment of the record."""
    reached = standing((each.bounced_at for each in found.soft_bounces), rules)
    return Ladder(
        counting=sum(found.now - each <= rules.window for each in reached.recent),
        limit=rules.limit,
        window_seconds=rules.window.total_seconds(),
        suppressions=reached.times,
        suppressed_until=reached.until,
        next_lasts_seconds=reached.next_lasts(rules).total_seconds(),
    )


def ladder_in_words(standing: Ladder) -> str:
    """One line."""
    if not standing.limit:
        return "Soft bounces never suppress (MAILSLUICE_SUPPRESS_SOFT_BOUNCES is 0)."
    said = (
        f"Soft bounces: {standing.counting} of {standing.limit} within "
        f"{_days(standing.window_seconds)}. The next time they suppress it for "
        f"{_days(standing.next_lasts_seconds)}."
    )
    if not standing.suppressions:
        return said
    times = "once" if standing.suppressions == 1 else f"{standing.suppressions} times"
    until = cell(standing.suppressed_until)
    return f"{said} Since its last delivery they did so {times}, until {until}."


def _days(seconds: float) -> str:
    count = f"{seconds / DAY_SECONDS:g}"
    return f"{count} day" if count == "1" else f"{count} days"
