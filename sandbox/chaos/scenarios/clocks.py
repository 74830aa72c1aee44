"""Hosts whose clocks are hours apart."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.chaos.forged import wrong_by
from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sandbox.chaos.scenarios.terms import Environments, Terms
    from sandbox.chaos.trial import Trial

# Each kind of process has a clock of its own, from its start on.
HOURS_WRONG = {"worker": 7.0, "scheduler": -5.0, "events": 3.0}
TIMED_MESSAGES = 40


def _wrong(_: Trial) -> AbstractContextManager[Environments]:
    return nullcontext({kind: wrong_by(hours) for kind, hours in HOURS_WRONG.items()})


def _time_mail(trial: Trial, terms: Terms) -> Disturbed:
    """Send mail with times, and leave leases behind.

    By the worker's clock the mail with an end has passed it, and by the scheduler's the parked
    mail is hours from its time; by the database's neither is so.
    """
    now = datetime.now(UTC)
    trial.enqueue(TIMED_MESSAGES, send_at=now + timedelta(seconds=terms.seconds / 2))
    trial.enqueue(TIMED_MESSAGES, expires_at=now + timedelta(hours=1))
    broken = trial.flows_again()
    trial.keeper.kill(trial.keeper.running("worker")[0])
    wait(terms.seconds)
    return Disturbed(1, broken)


WRONG_CLOCKS = Scenario(_time_mail, surroundings=_wrong)
