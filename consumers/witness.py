"""Watches for the proof that everything which lay on the event queue has been committed.

SQS's counts are approximate, and up to a minute behind what has just changed:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-resources-required-process-messages.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from db import watermarks

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from consumers.queues import EventQueue

# A message that is received stays hidden for so many times the counts' lag: so nothing can change
# its place twice, uncounted each time, within one proof.
HIDDEN_FOR_LAGS = 3
LONGEST_PROOF_LAGS = 1.5
LOOKS_PER_LAG = 12


@dataclass(frozen=True)
class Look:
    """A moment at which the counts said that nothing was there."""

    # By the database's clock, which dates the unknown outcomes too.
    at: datetime
    monotonic: float


class Witness:
    """Looks at the queue's counts now and then, also under traffic that never ends.

    Proved is what lay there a lag before one look, if the counts said twice that nothing is
    visible, hidden or delayed, at least a lag apart and not much more. A message of that time would
    have been counted by the first look, unless it had just been received; then it would still be
    hidden at the second, and counted, unless it was deleted: and that is, committed.
    """

    def __init__(self, queue: EventQueue, engine: Engine, *, lag_seconds: float) -> None:
        """`lag_seconds`: how far SQS's counts may be behind."""
        self._queue = queue
        self._engine = engine
        self._lag_seconds = lag_seconds
        self._looked_at = float("-inf")
        self._first: Look | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() - self._looked_at >= self._lag_seconds / LOOKS_PER_LAG

    def look(self) -> None:
        """Look, if it is time to. Raises as boto3 and SQLAlchemy do."""
        if not self.is_due:
            return
        self._looked_at = time.monotonic()
        # The moment comes first: a process that is stopped in between must not date it too late.
        look = Look(watermarks.moment(self._engine), time.monotonic())
        if self._queue.holds_nothing():
            self._conclude(look)

    def _conclude(self, look: Look) -> None:
        first = self._first
        age_seconds = look.monotonic - first.monotonic if first else float("inf")
        if first is None or age_seconds > LONGEST_PROOF_LAGS * self._lag_seconds:
            self._first = look
        elif age_seconds >= self._lag_seconds:
            lag = timedelta(seconds=self._lag_seconds)
            watermarks.advance(self._engine, self._queue.name, first.at - lag)
            self._first = look
