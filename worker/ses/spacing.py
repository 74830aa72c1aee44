"""Keeps a distance in time between calls to SES, and a longer one while SES asks for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html: one call a second of each kind that does
# not send; a little more, for our distance is not SES's.
USUAL_SECONDS = 1.05
LONGEST_SECONDS = 16.0


class Spacing:
    """Use it before and after each call. The first call keeps its distance too."""

    def __init__(self, stopping: threading.Event, *, seconds: float = USUAL_SECONDS) -> None:
        self._stopping = stopping
        self._usual_seconds = seconds
        self._seconds = seconds
        self._last_at = time.monotonic()
        self.throttled_in_a_row = 0

    def wait(self) -> bool:
        """Wait until a call may be made; False if the process is to stop."""
        left_seconds = self._last_at + self._seconds - time.monotonic()
        return not self._stopping.wait(max(0.0, left_seconds))

    def called(self) -> None:
        """A call was answered: the distance shrinks again."""
        self._last_at = time.monotonic()
        self._seconds = max(self._usual_seconds, self._seconds / 2)
        self.throttled_in_a_row = 0

    def throttled(self) -> None:
        """SES refused a call as one too many."""
        self._last_at = time.monotonic()
        self._seconds = min(LONGEST_SECONDS, self._seconds * 2)
        self.throttled_in_a_row += 1
