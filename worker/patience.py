"""Waiting out an outage of the database with a message in hand.

Giving the message back instead would cost it a receive each time, and forgetting an outcome would
cost the certainty about it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    wait_exponential_jitter,
)

from db.outages import is_outage
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

MOST_WAIT_SECONDS = 2.0


class Patience:
    """Calls the database until it answers. `on_wait` is told before each wait."""

    def __init__(
        self,
        stopping: threading.Event,
        on_wait: Callable[[], None],
        *,
        hurried: threading.Event | None = None,
    ) -> None:
        """While `hurried` is set, what cannot be written at once is not waited for."""
        self._stopping = stopping
        self._on_wait = on_wait
        self._hurried = hurried or threading.Event()
        self._writes: deque[None] = deque()

    @property
    def is_writing(self) -> bool:
        """Whether a write that must not be forgotten is under way at this moment."""
        return bool(self._writes)

    def until_done(self, call: Callable[[], Answer]) -> Answer:
        """Call until it succeeds; at the end of the process, give up.

        Raises:
            StoppingError: the process goes down and the database is away.
            Exception: whatever the call raises that is no outage.
        """
        try:
            return call()
        except Exception as error:
            if not is_outage(error):
                raise
        retrying = Retrying(
            retry=retry_if_exception(is_outage),
            wait=wait_exponential_jitter(multiplier=0.1, max=MOST_WAIT_SECONDS),
            sleep=sleep_using_event(self._stopping),
            stop=lambda _: self._stopping.is_set(),
            before_sleep=self._note,
            retry_error_callback=_give_up,
        )
        return retrying(call)

    def until_written(self, call: Callable[[], Answer], *, at_the_end_seconds: float) -> Answer:
        """The same for what must not be forgotten: tried so long even after the end has begun.

        Raises:
            Exception: whatever the call raised last.
        """
        try:
            return self._write(call)
        except Exception as error:
            if not is_outage(error):
                raise
        ends_at: list[float] = []

        def is_over(_: RetryCallState) -> bool:
            if self._stopping.is_set() and not ends_at:
                ends_at.append(time.monotonic() + at_the_end_seconds)
            is_late = bool(ends_at) and time.monotonic() >= ends_at[0]
            return is_late or self._hurried.is_set()

        retrying = Retrying(
            retry=retry_if_exception(is_outage),
            wait=wait_exponential_jitter(multiplier=0.1, max=MOST_WAIT_SECONDS),
            sleep=sleep_using_event(self._hurried),
            stop=is_over,
            before_sleep=self._note,
            reraise=True,
        )
        return retrying(lambda: self._write(call))

    def _write(self, call: Callable[[], Answer]) -> Answer:
        # Appending and popping are atomic, whichever thread does it.
        self._writes.append(None)
        try:
            return call()
        finally:
            self._writes.pop()

    def _note(self, state: RetryCallState) -> None:
        self._on_wait()
        if state.attempt_number == 1 and state.outcome:
            error = state.outcome.exception()
            log.warning("waiting for the database", error=type(error).__name__)


def _give_up(state: RetryCallState) -> None:
    # Not an outage: what the call raised is the caller's to see.
    if state.outcome and (error := state.outcome.exception()) and not is_outage(error):
        raise error
    raise StoppingError
