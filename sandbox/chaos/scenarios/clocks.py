"""Hosts whose clocks are hours apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.chaos.forged import wrong_by
from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

HOURS_WRONG = {"worker": 7.0, "scheduler": -5.0, "events": 3.0}


def wrong_clocks(trial: Trial, terms: Terms) -> Verdict:
    """Every kind of process has another wrong clock, from its start on.

    By the worker's clock the mail with an end has passed it, and by the scheduler's the parked
    mail is hours from its time; by the database's neither is so. A killed worker leaves leases.
    """
    trial.begin(rate=RATE_PER_SECOND)
    environments = {kind: wrong_by(hours) for kind, hours in HOURS_WRONG.items()}
    trial.keeper.crew(environments, worker=2, scheduler=1, events=1)
    now = datetime.now(UTC)
    messages = terms.messages() // 2
    trial.enqueue(messages, send_at=now + timedelta(seconds=terms.seconds / 2))
    trial.enqueue(messages, expires_at=now + timedelta(hours=1))
    broken = trial.flows_again()
    trial.keeper.kill(trial.keeper.running("worker")[0])
    wait(terms.seconds)
    return trial.end("wrong_clocks", disturbances=1, broken=broken)
