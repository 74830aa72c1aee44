"""What a scenario is told, and small things that several of them do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

RATE_PER_SECOND = 50.0
# The mail must not run out while something is disturbed.
BACKLOG = 1.2


@dataclass(frozen=True)
class Terms:
    """How long a scenario disturbs, and what its dice begin with."""

    seconds: float
    seed: int

    def messages(self, rate: float = RATE_PER_SECOND) -> int:
        """So many that there is mail to send all the time."""
        return int(self.seconds * rate * BACKLOG)


Scenario = Callable[["Trial", Terms], "Verdict"]


def wait(seconds: float) -> None:
    """Let a disturbance last."""
    threading.Event().wait(seconds)
