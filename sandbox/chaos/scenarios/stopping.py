"""Processes are stopped (SIGSTOP) until others have taken over, and then go on unawares."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

# Longer than the lease and than the visibility of what the process has in hand.
STOPPED_SECONDS = 9.0
# SES is slow, so that a worker that is stopped has mail in SES's hands.
LATENCY_SECONDS = 0.3


def _stop(trial: Trial, terms: Terms) -> Disturbed:
    trial.control.ses(latency_seconds=LATENCY_SECONDS)
    wait(2 * LATENCY_SECONDS)
    dice = random.Random(terms.seed)  # noqa: S311  no secret
    ends_at = time.monotonic() + terms.seconds
    stops = 0
    while not stops or time.monotonic() < ends_at:
        asleep = [dice.choice(trial.keeper.running(kind)) for kind in ("worker", "events")]
        for process in asleep:
            process.send(signal.SIGSTOP)
        wait(STOPPED_SECONDS + dice.random())
        for process in asleep:
            process.send(signal.SIGCONT)
        stops += len(asleep)
        wait(1.0)
    return Disturbed(stops)


STOPPED = Scenario(_stop, crew={"worker": 2, "scheduler": 1, "events": 2})
