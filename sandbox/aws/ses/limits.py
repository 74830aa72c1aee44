"""The sending rate and the rolling day, both counted in recipients.

Source: Amazon SES developer guide, "Managing your Amazon SES sending limits".
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_SECONDS = 86_400


class RateLimit:
    """A token bucket that holds one second's tokens and may go into debt.

    A send of many recipients is admitted while at least one token is left; the tokens it takes
    beyond that have to come back before the next send.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent = 0.0
        self._spent_at = clock()

    def has_room(self, per_second: float) -> bool:
        """Whether the next send is admitted."""
        return _capacity(per_second) - self._owed(per_second) >= 1

    def draw(self, recipients: int, per_second: float) -> None:
        """Take tokens, into debt if need be."""
        self._spent = self._owed(per_second) + recipients
        self._spent_at = self._clock()

    def _owed(self, per_second: float) -> float:
        return max(0.0, self._spent - (self._clock() - self._spent_at) * per_second)


class RollingDay:
    """How many recipients were mailed in the last 24 hours.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_second: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, recipients: int) -> None:
        second = int(self._clock())
        if self._by_second and self._by_second[-1][0] == second:
            recipients_before = self._by_second.pop()[1]
            self._by_second.append((second, recipients_before + recipients))
        else:
            self._by_second.append((second, recipients))
        self._total += recipients

    def total(self) -> int:
        """Recipients within the window that ends now."""
        oldest = self._clock() - DAY_SECONDS
        while self._by_second and self._by_second[0][0] <= oldest:
            self._total -= self._by_second.popleft()[1]
        return self._total


def _capacity(per_second: float) -> float:
    return max(1.0, per_second)
