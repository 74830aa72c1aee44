"""How long the database usually takes to answer, and when it took longer."""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 21

# Answers differ by so much at all times.
USUAL_SPREAD_SECONDS = 0.005


class RoundTrips:
    """For one question that is asked again and again. Not thread-safe."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def delay_seconds(self, seconds: float) -> float:
        """By how much this answer came later than answers usually do; 0 if it did not."""
        usual = median(self._seconds) if self._seconds else seconds
        self._seconds.append(seconds)
        return max(0.0, seconds - usual - USUAL_SPREAD_SECONDS)
