"""Processes of every kind are killed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.storm import rage

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

RATE_PER_SECOND = 100.0
MOST_MESSAGES = 20_000
# A process costs a second of one core to start: faster, and none would ever get to its work.
KILLS_PER_SECOND = 1.25


def kill_storm(trial: Trial, terms: Terms) -> Verdict:
    """SIGKILL to workers, schedulers and consumers, whatever each is at."""
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=3, scheduler=2, events=2)
    trial.enqueue(min(MOST_MESSAGES, terms.messages(RATE_PER_SECOND)))
    kills = rage(
        trial.keeper,
        kills=int(terms.seconds * KILLS_PER_SECOND),
        seconds=terms.seconds,
        seed=terms.seed,
    )
    trial.keeper.wait_until_healthy()
    return trial.end("kill_storm", disturbances=kills, broken=[])
