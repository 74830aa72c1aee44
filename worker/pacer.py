"""Waiting for send tokens: the process's side of the shared schedule in `db.pacing`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog

from db.pacing import Full, NoRate, Reserved
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# How long a token that was not used may still be used: SES's own bucket holds about a second.
UNUSED_TOKENS_KEEP_SECONDS = 0.5
NO_RATE_RETRY_SECONDS = 1.0


class Pacer:
    """Hands out tokens to the threads of one process, in the order in which they ask.

    One thread at a time talks to the shared schedule, so a process has one open question to it
    however many threads it runs.
    """

    def __init__(
        self, reserve: Callable[[int], Reserved | Full | NoRate], stopping: threading.Event
    ) -> None:
        self._reserve = reserve
        self._stopping = stopping
        self._turn = threading.Lock()
        self._unused_lock = threading.Lock()
        self._unused_tokens = 0
        self._unused_since = 0.0

    def acquire(self, tokens: int) -> float:
        """Wait until so many recipients may be sent to; answers the seconds waited.

        Raises:
            StoppingError: the process goes down meanwhile.
            sqlalchemy.exc.OperationalError: the database is away.
        """
        began = time.monotonic()
        needed = tokens - self._take_unused(tokens)
        if needed:
            with self._turn:
                reserved = self._reserve_in_turn(needed)
            self._wait(reserved.wait_seconds)
        return time.monotonic() - began

    def give_back(self, tokens: int) -> None:
        """These tokens were not used: the next message of this process may have them."""
        with self._unused_lock:
            self._forget_old()
            self._unused_tokens += tokens
            self._unused_since = time.monotonic()

    def _reserve_in_turn(self, tokens: int) -> Reserved:
        while True:
            answer = self._reserve(tokens)
            if isinstance(answer, Reserved):
                return answer
            if isinstance(answer, NoRate):
                log.warning("waiting for the account's send rate, which the scheduler reads")
                self._wait(NO_RATE_RETRY_SECONDS)
            else:
                self._wait(answer.wait_seconds)

    def _take_unused(self, wanted: int) -> int:
        with self._unused_lock:
            self._forget_old()
            taken = min(wanted, self._unused_tokens)
            self._unused_tokens -= taken
            return taken

    def _forget_old(self) -> None:
        if time.monotonic() - self._unused_since > UNUSED_TOKENS_KEEP_SECONDS:
            self._unused_tokens = 0

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppingError
