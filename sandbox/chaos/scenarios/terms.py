"""What a scenario is, and what it is told."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.chaos.trial import Trial

RATE_PER_SECOND = 50.0
# The mail must not run out while something is disturbed.
BACKLOG = 1.2

# By kind of process, what is in its environment besides.
Environments = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Terms:
    """How long a scenario disturbs, and what its dice begin with."""

    seconds: float
    seed: int


@dataclass(frozen=True)
class Disturbed:
    """How often something was disturbed, and in sentences what did not hold meanwhile."""

    times: int
    broken: list[str] = field(default_factory=list)


def _as_they_are(_: Trial) -> AbstractContextManager[Environments]:
    return nullcontext({})


def _nothing_more(_: Trial) -> list[str]:
    return []


@dataclass(frozen=True)
class Scenario:
    """A disturbance, and what is running while it happens.

    Attributes:
        disturb: Disturbs for the time of its terms, and ends the disturbance, while mail flows.
        crew: How many processes of each kind run.
        rate: What SES allows at most, in recipients a second.
        most_messages: Never more mail than this; what takes longer has a lower rate.
        surroundings: What has to stand as long as the mail of the scenario is not settled, with
            the environments of the processes that this needs.
        check: What else must hold once all is settled; sentences about what does not.
    """

    disturb: Callable[[Trial, Terms], Disturbed]
    crew: Mapping[str, int] = field(
        default_factory=lambda: {"worker": 2, "scheduler": 1, "events": 1}
    )
    rate: float = RATE_PER_SECOND
    most_messages: int = 20_000
    surroundings: Callable[[Trial], AbstractContextManager[Environments]] = _as_they_are
    check: Callable[[Trial], list[str]] = _nothing_more

    def messages(self, terms: Terms) -> int:
        """So many that there is mail to send all the time."""
        return round(terms.seconds * self.rate_within(terms) * BACKLOG)

    def rate_within(self, terms: Terms) -> float:
        """What SES allows, such that the mail there may be lasts as long as the disturbance."""
        return min(self.rate, self.most_messages / (terms.seconds * BACKLOG))


def wait(seconds: float) -> None:
    """Let a disturbance last."""
    threading.Event().wait(seconds)
