"""SES's own limits: its rate, a rate that falls, and the day's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

THROTTLED_SHARE = 0.3
QUOTA = 1_000_000.0


def _throttle(trial: Trial, terms: Terms) -> Disturbed:
    """As if somebody else used the same account."""
    trial.control.fault(
        "ses",
        "SendEmail",
        "status",
        status=429,
        code="TooManyRequestsException",
        message="Maximum sending rate exceeded.",
        probability=THROTTLED_SHARE,
        seed=terms.seed,
    )
    before = trial.answers()["429"]
    wait(terms.seconds)
    return Disturbed(trial.answers()["429"] - before)


def _halve(trial: Trial, terms: Terms) -> Disturbed:
    rate = RATE_HALVED.rate_within(terms)
    wait(terms.seconds / 2)
    trial.set_rate(rate / 2)
    wait(terms.seconds / 2)
    trial.set_rate(rate)
    return Disturbed(1)


def _use_up(trial: Trial, terms: Terms) -> Disturbed:
    trial.control.ses(max_24_hour_send=QUOTA, sent_last_24_hours=QUOTA)
    wait(terms.seconds)
    trial.control.ses(sent_last_24_hours=0.0)
    return Disturbed(1, trial.flows_again())


THROTTLED = Scenario(_throttle)
RATE_HALVED = Scenario(_halve)
QUOTA_USED_UP = Scenario(_use_up)
