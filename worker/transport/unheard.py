"""Log lines about orders that SQS did not take: one a second, however many they are."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from time import monotonic

logger = logging.getLogger(__name__)

_LOGGED_EVERY_SECONDS = 1.0


class Unheard:
    """Counts per queue and kind of order; logs the sum and the latest reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, bool]] = Counter()
        self._reasons: dict[tuple[str, bool], str] = {}
        self._log_at = 0.0

    def add(self, queue: str, count: int, reason: str, *, deletes: bool) -> None:
        """`count` orders were given up."""
        with self._lock:
            self._counts[queue, deletes] += count
            self._reasons[queue, deletes] = reason
            if monotonic() < self._log_at:
                return
            self._log_at = monotonic() + _LOGGED_EVERY_SECONDS
        self.log()

    def log(self) -> None:
        """Write down what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (queue, deletes), count in counts.items():
            logger.warning(
                "%d messages of queue %s could not be %s (%s); SQS shows them again by itself.",
                count,
                queue,
                "deleted" if deletes else "given back",
                self._reasons[queue, deletes],
            )
