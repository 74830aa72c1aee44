"""For how long each table keeps what is over. Suppressions are kept whatever these say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import BaseSettings

if TYPE_CHECKING:
    from config.suppression import SoftBounces

# SQS keeps a copy for 14 days, for 14 more after a redrive from the dead-letter queue, and hides
# or delays it for half a day at the most.
LEAST_DAYS = 30.0
# SNS tries for 23 days to deliver what SQS then keeps for twice 14.
LEAST_EVENT_DAYS = 60.0
SECONDS_A_DAY = 86_400.0


class RetentionSettings(BaseSettings):
    """Days by table; 0 is for ever."""

    # An idempotency key is the same message for as long as that is remembered.
    retain_messages_days: float = Field(default=0, ge=0, le=36_500)
    retain_recipients_days: float = Field(default=400, ge=0, le=36_500)
    retain_events_days: float = Field(default=400, ge=0, le=36_500)
    retain_event_contents_days: float = Field(default=90, ge=0, le=36_500)
    retain_bounces_days: float = Field(default=365, ge=0, le=36_500)
    retain_complaints_days: float = Field(default=365, ge=0, le=36_500)
    retain_refused_days: float = Field(default=90, ge=0, le=36_500)
    retain_suppression_changes_days: float = Field(default=0, ge=0, le=36_500)
    retention_batch_rows: int = Field(default=1000, ge=1, le=10_000)


def retention_problems(
    settings: RetentionSettings, *, sns_max_age_days: float, soft_bounces: SoftBounces
) -> list[str]:
    """What would be forgotten too soon, each with the least that would do."""
    messages = _kept(settings.retain_messages_days)
    bounces = _kept(settings.retain_bounces_days)
    relations = [
        _at_least(
            "MESSAGES",
            messages,
            LEAST_DAYS,
            "a message must be remembered for as long as a copy of its job may lie on SQS (14 "
            "days, and 14 more after a redrive), or that copy is sent a second time",
        ),
        _at_least(
            "EVENTS",
            _kept(settings.retain_events_days),
            max(LEAST_EVENT_DAYS, sns_max_age_days),
            "an event must be remembered for as long as SNS and SQS may bring it again "
            "(MAILSLUICE_SNS_MAX_AGE_DAYS), or it suppresses whom an operator took off the list",
        ),
        _at_least(
            "EVENT_CONTENTS",
            _kept(settings.retain_event_contents_days),
            LEAST_DAYS,
            "an event that waits for its message must be able to join it",
        ),
        _at_least(
            "BOUNCES",
            bounces,
            max(LEAST_DAYS, _ladder_days(soft_bounces)),
            "the soft bounces that a temporary suppression rests on must outlive it "
            "(MAILSLUICE_SUPPRESS_SOFT_BOUNCE_DAYS and _WINDOW_DAYS)",
        ),
        _at_least(
            "RECIPIENTS",
            min(messages, _kept(settings.retain_recipients_days)),
            bounces,
            "a delivery that ended a count of soft bounces must be remembered for as long as "
            "those are (MAILSLUICE_RETAIN_BOUNCES_DAYS), and goes with its message",
        ),
        _at_least(
            "SUPPRESSION_CHANGES",
            _kept(settings.retain_suppression_changes_days),
            bounces,
            "that an operator took an address off the list must be remembered for as long as its "
            "soft bounces are (MAILSLUICE_RETAIN_BOUNCES_DAYS), or they count again",
        ),
        _at_least(
            "COMPLAINTS",
            _kept(settings.retain_complaints_days),
            LEAST_DAYS,
            "the rates of complaints look back over them",
        ),
        _at_least(
            "REFUSED",
            _kept(settings.retain_refused_days),
            LEAST_DAYS,
            "the event of an unknown outcome may be hidden in one, and its reason is told as long "
            "as it is a dead letter",
        ),
    ]
    return [problem for problem in relations if problem]


def _kept(days: float) -> float:
    return days or math.inf


def _ladder_days(rules: SoftBounces) -> float:
    """From the first soft bounce of the slowest climb to the end of its last suppression."""
    if not rules.limit:
        return 0.0
    seconds = sum(each.total_seconds() for each in rules.lasts)
    return (seconds + len(rules.lasts) * rules.window.total_seconds()) / SECONDS_A_DAY


def _at_least(table: str, days: float, least: float, why: str) -> str | None:
    if days >= least:
        return None
    needed = "0 (for ever)" if math.isinf(least) else f"at least {least:g}, or 0 (for ever)"
    return f"MAILSLUICE_RETAIN_{table}_DAYS is {days:g} and must be {needed}: {why}."
