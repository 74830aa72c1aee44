"""Bounce and complaint rates: what is a rate, and from which one a stream is warned of or shut.

Source: Amazon SES, sending review FAQ: a review from 5 % of bounces or 0.1 % of complaints, a pause
of the account from 10 % or 0.5 % (https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.settings import Settings
    from config.streams import Stream

BOUNCE = "bounce"
COMPLAINT = "complaint"
KINDS = (BOUNCE, COMPLAINT)

# Name to length in seconds.
WINDOWS = {"1h": 3600, "24h": 86_400, "7d": 604_800}

# From here on SES may pause the account. A stream of high priority goes on until its own mail is
# as bad as that: no password reset waits because of a rate that SES would only ask about.
PAUSES_FROM = {BOUNCE: 0.10, COMPLAINT: 0.005}

# A level is left when the rate is so far below its limit, so that one on the limit is told once.
LEFT_BELOW = 0.9


class ReputationSettings(BaseSettings):
    """The limits of streams that have none of their own, and what is left out of the rates."""

    reputation_bounce_warn: float = Field(default=0.02, gt=0, le=1)
    reputation_bounce_shut: float = Field(default=0.05, gt=0, le=1)
    reputation_complaint_warn: float = Field(default=0.0005, gt=0, le=1)
    reputation_complaint_shut: float = Field(default=0.001, gt=0, le=1)
    reputation_min_recipients: int = Field(default=200, ge=1)
    reputation_min_reports: int = Field(default=5, ge=1)
    reputation_shuts_all: bool = False
    reputation_resume_hold_minutes: float = Field(default=60, ge=1, le=10_080)
    reputation_interval_seconds: float = Field(default=20, ge=1, le=60)
    # SES counts no bounces from domains that are verified with it.
    reputation_verified_domains: Annotated[tuple[str, ...], NoDecode] = ()
    # Gmail tells SES of no complaint, so mail to it is none that could have been complained of.
    reputation_silent_domains: Annotated[tuple[str, ...], NoDecode] = (
        "gmail.com",
        "googlemail.com",
    )

    @field_validator("reputation_verified_domains", "reputation_silent_domains", mode="before")
    @classmethod
    def _domains(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(
            dict.fromkeys(each.strip().lower() for each in value.split(",") if each.strip())
        )


class Level(IntEnum):
    """How a rate stands to its limits."""

    GOOD = 0
    WARNED = 1
    SHUT = 2


@dataclass(frozen=True)
class Limits:
    """From which rates (0 to 1) on, and from how much mail and how many reports on, it counts."""

    warn: float
    shut: float
    min_recipients: int
    min_reports: int


@dataclass(frozen=True)
class Tally:
    """So many of `recipients` have bounced, or complained."""

    reports: int
    recipients: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None where nothing was sent."""
        return min(1.0, self.reports / self.recipients) if self.recipients else None


def says_enough(tally: Tally, limits: Limits) -> bool:
    """Whether there was enough mail for the rate to mean anything."""
    return tally.recipients >= limits.min_recipients


def level_of(tally: Tally, limits: Limits, before: Level = Level.GOOD) -> Level:
    """Where the rate stands; just below a limit that it had reached `before` it stays there.

    Few reports are no more than a warning, however little was sent: one complaint among the first
    mails of an hour is a rate above every limit.
    """
    rate = tally.rate
    if rate is None or not says_enough(tally, limits) or not tally.reports:
        return Level.GOOD
    if tally.reports >= limits.min_reports and rate >= _limit(limits.shut, Level.SHUT, before):
        return Level.SHUT
    return Level.WARNED if rate >= _limit(limits.warn, Level.WARNED, before) else Level.GOOD


def _limit(limit: float, level: Level, before: Level) -> float:
    return limit * LEFT_BELOW if before >= level else limit


def is_to_be_shut(tallies: Iterable[tuple[Tally, Limits]], *, is_shut: bool) -> bool:
    """Whether the gate belongs shut: from one rate at its upper limit, until all are below lower.

    Takes the tallies of every window and kind. Those of little mail say nothing.
    """
    worst = max((level_of(tally, limits) for tally, limits in tallies), default=Level.GOOD)
    return worst is Level.SHUT or (is_shut and worst is Level.WARNED)


def limits_of(settings: Settings, stream: Stream | None, kind: str) -> Limits:
    """The limits of a stream, or of all mail together (None)."""
    warn, shut = _common(settings, kind)
    if stream is not None and stream.priority == "high":
        shut = max(shut, PAUSES_FROM[kind])
    own_warn, own_shut = _own(stream, kind)
    min_recipients = stream.reputation_min_recipients if stream else None
    return Limits(
        warn=warn if own_warn is None else own_warn,
        shut=shut if own_shut is None else own_shut,
        min_recipients=(
            settings.reputation_min_recipients if min_recipients is None else min_recipients
        ),
        min_reports=settings.reputation_min_reports,
    )


def _common(settings: Settings, kind: str) -> tuple[float, float]:
    if kind == BOUNCE:
        return settings.reputation_bounce_warn, settings.reputation_bounce_shut
    return settings.reputation_complaint_warn, settings.reputation_complaint_shut


def _own(stream: Stream | None, kind: str) -> tuple[float | None, float | None]:
    if stream is None:
        return None, None
    if kind == BOUNCE:
        return stream.bounce_warn, stream.bounce_shut
    return stream.complaint_warn, stream.complaint_shut


def shuts(settings: Settings, stream: Stream | None) -> bool:
    """Whether rates shut this stream, or everything (None), or only warn."""
    return settings.reputation_shuts_all if stream is None else stream.reputation_shuts


def limit_problems(settings: Settings) -> list[str]:
    """What is wrong with the limits: every warning must come before its gate shuts."""
    return [
        _wrong_order(stream, kind, limits)
        for stream in (None, *settings.streams.values())
        for kind in KINDS
        if (limits := limits_of(settings, stream, kind)).warn >= limits.shut
    ]


def _wrong_order(stream: Stream | None, kind: str, limits: Limits) -> str:
    whose = "all mail together" if stream is None else f"stream {stream.name!r}"
    return (
        f"MAILSLUICE_REPUTATION_{kind.upper()}_WARN or {kind}_warn in MAILSLUICE_STREAMS: for "
        f"{whose} it is {limits.warn:g} and must be below the {limits.shut:g} from which the gate "
        "shuts, for one that has shut opens below the warning."
    )
