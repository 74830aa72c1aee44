"""SES's own limits: its rate, a rate that falls, and the day's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

THROTTLED_SHARE = 0.3
QUOTA = 1_000_000.0


def throttled(trial: Trial, terms: Terms) -> Verdict:
    """SES refuses a third of the calls as too fast: somebody else uses the same account."""
    _work(trial, terms)
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
    wait(terms.seconds)
    refused = trial.answers()["429"]
    return trial.end("throttled", disturbances=refused, broken=[])


def rate_halved(trial: Trial, terms: Terms) -> Verdict:
    """SES halves the account's rate while mail is sent at the full one, and gives it back."""
    _work(trial, terms)
    wait(terms.seconds / 2)
    trial.set_rate(RATE_PER_SECOND / 2)
    wait(terms.seconds / 2)
    trial.set_rate(RATE_PER_SECOND)
    return trial.end("rate_halved", disturbances=1, broken=[])


def quota_used_up(trial: Trial, terms: Terms) -> Verdict:
    """The day's quota is used up for a while, and then the window moves on."""
    _work(trial, terms)
    trial.control.ses(max_24_hour_send=QUOTA, sent_last_24_hours=QUOTA)
    wait(terms.seconds)
    trial.control.ses(sent_last_24_hours=0.0)
    return trial.end("quota_used_up", disturbances=1, broken=trial.flows_again())


def _work(trial: Trial, terms: Terms) -> None:
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=2, scheduler=1, events=1)
    trial.enqueue(terms.messages())
    trial.flows_again()
