"""How many pollers a queue needs at this moment."""

from __future__ import annotations

import threading

from consumers.queues import MESSAGES_PER_CALL

LOOK_SECONDS = 0.5


class Tide:
    """One poller while the queue is quiet, one more for each receive that comes back full.

    Thread-safe. Of the pollers, numbered from 0, those up to `awake` have work.
    """

    def __init__(self, pollers: int) -> None:
        self._last = pollers - 1
        self._changed = threading.Condition()
        self.awake = 0

    def note(self, received: int) -> None:
        """A receive brought so many messages."""
        with self._changed:
            if received == MESSAGES_PER_CALL:
                self.awake = min(self._last, self.awake + 1)
                self._changed.notify_all()
            elif received < MESSAGES_PER_CALL // 2:
                self.awake = max(0, self.awake - 1)

    def wait_for_work(self, number: int) -> bool:
        """Whether the poller of this number is needed; waits a moment until it is."""
        if number <= self.awake:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: number <= self.awake, LOOK_SECONDS)
