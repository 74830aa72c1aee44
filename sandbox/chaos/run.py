"""Runs scenarios in their long form, sharing the time there is."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sandbox.chaos.performance import perform
from sandbox.chaos.scenarios.terms import Terms
from sandbox.chaos.trial import Trial
from sandbox.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from sandbox.chaos.verdict import Verdict

# How much longer than the others one disturbs.
WEIGHTS = {"kill_storm": 8.0, "database_restarts": 2.0}
# What a scenario takes besides: starting processes, and waiting until everything is settled.
BESIDES_SECONDS = 20.0
LEAST_SECONDS = 6.0


def shares(names: Sequence[str], seconds: float) -> dict[str, float]:
    """For how long each scenario disturbs, so that all of them together take so many seconds.

    Never less than a disturbance needs to be one, so many scenarios in little time take longer.
    """
    to_share = seconds - BESIDES_SECONDS * len(names)
    weights = {name: WEIGHTS.get(name, 1.0) for name in names}
    per_weight = to_share / sum(weights.values())
    return {name: max(LEAST_SECONDS, weight * per_weight) for name, weight in weights.items()}


class Chaos:
    """Runs scenarios one after the other, on one installation as long as their verdicts are clean.

    After one that is not, the next has a fresh installation, and the logs of the old one are kept.
    """

    def __init__(self) -> None:
        self.kept_logs: list[Path] = []
        self._open = ExitStack()
        self._trial: Trial | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def run(self, names: Sequence[str], *, seconds: float, seed: int) -> Iterator[Verdict]:
        """Run these scenarios; yields the verdict of each when it is there."""
        for name, share in shares(names, seconds).items():
            trial = self._trial or self._fresh_trial()
            verdict = perform(trial, Terms(share, seed), name)
            if verdict.problems():
                self.kept_logs.append(trial.installation.directory)
                self._let_go()
            yield verdict

    def _fresh_trial(self) -> Trial:
        with ExitStack() as starting:
            # Removed by hand: only the logs of a clean run are of no interest.
            directory = Path(tempfile.mkdtemp(prefix="mailsluice-chaos-"))
            starting.callback(self._tidy, directory)
            installation = starting.enter_context(Installation(directory))
            trial = Trial(installation)
            starting.callback(trial.close)
            self._open = starting.pop_all()
        self._trial = trial
        return trial

    def _let_go(self) -> None:
        self._trial = None
        self._open.close()

    def _tidy(self, directory: Path) -> None:
        if directory not in self.kept_logs:
            shutil.rmtree(directory, ignore_errors=True)
