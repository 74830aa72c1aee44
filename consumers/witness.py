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

# A message that is received stays hidden for so many times the counts' lag, longer than a proof
# takes: within one it can come to light once and be received once, and each of these can hide it
# from one look. So there are three.
HIDDEN_FOR_LAGS = 3
LOOKS_FOR_A_PROOF = 3
LONGEST_GAP_LAGS = 1.4
LOOKS_PER_LAG = 12


@dataclass(frozen=True)
class Look:
    """A moment at which the counts said that nothing was there.

    `at` is by the database's clock, which dates the unknown outcomes too; the counts were read
    between `began` and `ended` of the monotonic clock.
    """

    at: datetime
    began: float
    ended: float


class Witness:
    """Looks at the queue's counts now and then, also under traffic that never ends.

    Proved is what lay there a lag before one look, if the counts said three times that nothing is
    visible, hidden or delayed, each time at least a lag after the last and not much more. A message
    of that time would have been counted by one of the looks, unless it was deleted: and that is,
    committed.
    """

    def __init__(self, queue: EventQueue, engine: Engine, *, lag_seconds: float) -> None:
        """`lag_seconds`: how far SQS's counts may be behind."""
        self._queue = queue
        self._engine = engine
        self._lag_seconds = lag_seconds
        self._looked_at = float("-inf")
        self._looks: list[Look] = []

    @property
    def is_due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() - self._looked_at >= self._lag_seconds / LOOKS_PER_LAG

    def look(self) -> None:
        """Look, if it is time to. Raises as boto3 and SQLAlchemy do."""
        if not self.is_due:
            return
        self._looked_at = began = time.monotonic()
        # The moment comes first: a process that is stopped in between must not date it too late.
        at = watermarks.moment(self._engine)
        if self._queue.holds_nothing():
            self._conclude(Look(at, began, time.monotonic()))

    def _conclude(self, look: Look) -> None:
        looks = self._looks
        if looks and look.ended - looks[-1].began > LONGEST_GAP_LAGS * self._lag_seconds:
            looks.clear()
        if looks and look.began - looks[-1].ended < self._lag_seconds:
            return
        looks.append(look)
        if len(looks) == LOOKS_FOR_A_PROOF:
            lag = timedelta(seconds=self._lag_seconds)
            watermarks.advance(self._engine, self._queue.name, looks.pop(0).at - lag)
