"""Watches for the proof that everything which lay on the event queue has been committed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from db import watermarks

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from consumers.queues import EventQueue

PROOF_EVERY_SECONDS = 5.0

# While a proof is attempted SQS is waited for just long enough that it asks all of its hosts.
PROVING_WAIT_SECONDS = 1

# A proof takes less time than anything that another consumer took and gave back stays hidden.
LONGEST_PROOF_SECONDS = 8.0


class Witness:
    """Attempts a proof now and then, also under traffic that never ends.

    Proved is the moment at which nothing was in anybody's hands, if a receive that followed was
    answered with less than it had room for, that was committed and deleted, and then again nothing
    was in anybody's hands. What lay on the queue at that moment was either in that answer, or
    another consumer took it in between and has deleted, that is committed, it: what is given back
    stays hidden for longer than a proof takes.
    """

    def __init__(self, queue: EventQueue, engine: Engine) -> None:
        self._queue = queue
        self._engine = engine
        self._tried_at = 0.0
        # By the database's clock, which dates the unknown outcomes too.
        self._quiet_at: datetime | None = None

    @property
    def is_proving(self) -> bool:
        """Whether the receive that comes is part of a proof."""
        return self._quiet_at is not None

    def begin(self) -> None:
        """Before a receive: see whether a proof can begin. Raises as boto3 and SQLAlchemy do."""
        self._quiet_at = None
        now = time.monotonic()
        if now - self._tried_at < PROOF_EVERY_SECONDS:
            return
        self._tried_at = now
        moment = watermarks.moment(self._engine)
        if self._queue.is_in_nobodys_hands():
            self._quiet_at = moment

    def conclude(self, *, is_exhausted: bool) -> None:
        """After what was received is committed and deleted. Raises what boto3 and the database do.

        `is_exhausted`: SQS had less to give than was asked for.
        """
        quiet_at, self._quiet_at = self._quiet_at, None
        if quiet_at is None or not is_exhausted or not self._queue.is_in_nobodys_hands():
            return
        if time.monotonic() - self._tried_at < LONGEST_PROOF_SECONDS:
            watermarks.advance(self._engine, self._queue.name, quiet_at)
