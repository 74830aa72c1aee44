"""Processes of every kind are killed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario
from sandbox.chaos.storm import rage

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

# A process costs a second of one core to start: faster, and none would ever get to its work.
KILLS_PER_SECOND = 1.25


def _kill(trial: Trial, terms: Terms) -> Disturbed:
    kills = int(terms.seconds * KILLS_PER_SECOND)
    killed = rage(trial.keeper, kills=kills, seconds=terms.seconds, seed=terms.seed)
    left = len(trial.traffic.mailable) - trial.sent()
    trial.keeper.wait_until_healthy()
    # A kill that finds no mail under way proves nothing.
    return Disturbed(killed, [] if left > 0 else ["the mail ran out before the storm did"])


KILL_STORM = Scenario(_kill, crew={"worker": 3, "scheduler": 2, "events": 2}, rate=100.0)
