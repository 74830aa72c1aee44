"""SQS delivers again what it ought not to, or is away."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

REDELIVERED_SHARE = 0.2
AWAY_MOST_SECONDS = 60.0


def redelivery(trial: Trial, terms: Terms) -> Verdict:
    """A fifth of what is received stays visible too, and a fifth of what is deleted comes back."""
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=2, scheduler=1, events=1)
    trial.control.sqs(redeliver_probability=REDELIVERED_SHARE, seed=terms.seed)
    trial.enqueue(terms.messages())
    wait(terms.seconds)
    return trial.end("redelivery", broken=[])


def sqs_away(trial: Trial, terms: Terms) -> Verdict:
    """No call to SQS succeeds, in turns without an answer and with a 503; then it is back."""
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=2, scheduler=1, events=1)
    trial.enqueue(terms.messages())
    trial.flows_again()
    outages, left_seconds = 0, terms.seconds
    for kind in cycle(("cut", "status")):
        outages += 1
        trial.control.fault("sqs", "*", kind, status=503, code="ServiceUnavailable")
        wait(min(AWAY_MOST_SECONDS, max(terms.seconds / 2, 1.0)))
        trial.control.clear_faults()
        broken = trial.flows_again()
        left_seconds -= AWAY_MOST_SECONDS
        if broken or (left_seconds <= 0 and outages > 1):
            break
    return trial.end("sqs_away", disturbances=outages, broken=broken)
