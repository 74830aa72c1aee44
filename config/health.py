"""Liveness as progress: a process is well while each of its loops goes round."""

from __future__ import annotations

import threading
import time


class Progress:
    """The last sign of life of each loop of a process, by the monotonic clock.

    A loop is registered with the longest time it may stay silent, then calls `beat` each time
    it goes round. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits_seconds: dict[str, float] = {}
        self._last_beat: dict[str, float] = {}

    def expect(self, loop: str, *, within_seconds: float) -> None:
        """Register a loop. Its first sign of life is now."""
        with self._lock:
            self._limits_seconds[loop] = within_seconds
            self._last_beat[loop] = time.monotonic()

    def beat(self, loop: str) -> None:
        """Say that the loop has gone round."""
        with self._lock:
            self._last_beat[loop] = time.monotonic()

    def silent(self) -> dict[str, float]:
        """The loops that have stayed silent too long, with their silence in seconds."""
        now = time.monotonic()
        with self._lock:
            ages = {name: now - self._last_beat[name] for name in self._limits_seconds}
            return {
                name: round(age, 1)
                for name, age in ages.items()
                if age > self._limits_seconds[name]
            }
