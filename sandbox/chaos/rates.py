"""How fast SES was sent to, and whether that was ever faster than the rate in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sandbox.aws.stalls import Stall
    from sandbox.aws.truth import Send

WINDOW_SECONDS = 1.0

# On a machine on which processes die and start all the time the simulator is late by so much
# without standing still.
LATE_SECONDS = 0.05


class Rates:
    """The rates that were set, each from a moment of the monotonic clock on."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, float]] = []

    def set(self, at: float, per_second: float) -> None:
        """From this moment on so many recipients a second are allowed."""
        self._changes.append((at, per_second))

    def allowed(self, begin: float, end: float) -> float:
        """The highest rate that was in force between two moments; nothing is forbidden before."""
        before = [rate for at, rate in self._changes if at <= begin]
        within = [rate for at, rate in self._changes if begin < at <= end]
        return max([*before[-1:], *within], default=float("inf"))


def densest_second(sends: Sequence[Send]) -> int:
    """The most recipients that were taken in any one second, wherever it begins."""
    return max((recipients for _, recipients in _sliding_seconds(sends)), default=0)


def most_above(sends: Sequence[Send], rates: Rates) -> int:
    """By how many recipients the worst sliding second was above the rate in force; 0 if none was.

    Seconds are the simulator's monotonic clock, which on one host is everybody's.
    """
    return _most_above(sends, rates.allowed)


def most_unexplained(sends: Sequence[Send], rates: Rates, stalls: Sequence[Stall]) -> int:
    """The same beyond what the simulator's own lateness explains.

    What was sent while it stood still counts to the second in which it went on.
    """

    def allowed(begin: float, end: float) -> float:
        late = sum(each.seconds for each in stalls if begin <= each.at <= end + LATE_SECONDS)
        explained = rates.allowed(begin, end) * (WINDOW_SECONDS + LATE_SECONDS + late)
        return explained + 1

    return _most_above(sends, allowed)


def _most_above(sends: Sequence[Send], allowed: Callable[[float, float], float]) -> int:
    above = (
        recipients - allowed(end - WINDOW_SECONDS, end)
        for end, recipients in _sliding_seconds(sends)
    )
    return int(max([0.0, *above]))


def _sliding_seconds(sends: Sequence[Send]) -> Iterator[tuple[float, int]]:
    """For each send, when it came and how many recipients the second up to it holds."""
    ordered = sorted(sends, key=lambda send: send.monotonic)
    oldest = recipients = 0
    for send in ordered:
        recipients += send.recipients
        while ordered[oldest].monotonic <= send.monotonic - WINDOW_SECONDS:
            recipients -= ordered[oldest].recipients
            oldest += 1
        yield send.monotonic, recipients
