"""SQS delivers again what it ought not to, or is away."""

from __future__ import annotations

import time
from itertools import cycle
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

REDELIVERED_SHARE = 0.2
AWAY_MOST_SECONDS = 60.0


def _redeliver(trial: Trial, terms: Terms) -> Disturbed:
    trial.control.sqs(redeliver_probability=REDELIVERED_SHARE, seed=terms.seed)
    wait(terms.seconds)
    return Disturbed(1)


def _be_away(trial: Trial, terms: Terms) -> Disturbed:
    ends_at = time.monotonic() + terms.seconds
    times = 0
    for kind in cycle(("cut", "status")):
        trial.control.fault("sqs", "*", kind, status=503, code="ServiceUnavailable")
        wait(min(AWAY_MOST_SECONDS, terms.seconds / 2))
        trial.control.clear_faults()
        times += 1
        broken = trial.flows_again()
        if broken or time.monotonic() > ends_at:
            break
    return Disturbed(times, broken)


REDELIVERY = Scenario(_redeliver)
SQS_AWAY = Scenario(_be_away)
