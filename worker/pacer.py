"""Waiting for send tokens: the process's side of the shared schedule in `db.pacing`."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from config.failpoints import failpoint
from db.pacing import Full, NoRate, Reserved
from worker.round_trips import RoundTrips
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger(__name__)

NO_RATE_RETRY_SECONDS = 1.0

# As many messages of a process may be on their way to a POST as the schedule has tokens in this
# time: enough that all that comes before is done when the moment comes, and few enough that claims
# are held for a moment only.
PLACES_SECONDS = 0.25
PLACES_AT_LEAST = 2
STOP_LOOK_SECONDS = 1.0

# A process takes as many tokens at once as its threads wait for, up to so much of the schedule:
# little enough that a process that dies strands next to nothing.
BLOCK_SECONDS = 0.05


# A second holds no more than the account's rate while every send is late by less than what the
# unused part of the rate leaves; the network and SES's own clock want a part of that.
LATE_SHARE_OF_SLACK = 0.5
LATE_AT_LEAST_SECONDS = 0.002

# A token that lapsed longer ago than that is not issued anew: the second it was of is over, or
# nearly so.
LAPSED_WITHIN_SECONDS = 0.1


def late_at_most_seconds(utilisation: float) -> float:
    """How late a token may be used where so much (0 to 1) of the account's rate is scheduled."""
    slack_seconds = 1 / utilisation - 1
    return max(LATE_AT_LEAST_SECONDS, LATE_SHARE_OF_SLACK * slack_seconds)


@dataclass(frozen=True)
class Slot:
    """The moment (monotonic clock) from which so many recipients may be sent to.

    Each of its tokens stands for `seconds_per_token` of the schedule from there on. In the schedule
    the moment may lie up to `delay_seconds` earlier: it was told of late.
    """

    at: float
    tokens: int
    seconds_per_token: float
    delay_seconds: float = 0.0


class Pacer:
    """Hands out the tokens of one stream to the threads of one process, in the order they ask.

    One thread at a time talks to the shared schedule, so a process has one open question to it
    however many threads it runs.
    """

    def __init__(
        self,
        reserve: Callable[[int, int], Reserved | Full | NoRate],
        stopping: threading.Event,
        *,
        late_at_most_seconds: float,
    ) -> None:
        """`reserve` asks the schedule for so many tokens, and tells it how many have just lapsed.

        `late_at_most_seconds`: a token used later than that would crowd the second it falls in. It
        lapses instead.
        """
        self._reserve = reserve
        self._stopping = stopping
        self._late_at_most_seconds = late_at_most_seconds
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._wanted = 0
        self._slots: deque[Slot] = deque()
        self._round_trips = RoundTrips()
        self._lapsed = 0
        self._lapsed_since = 0.0
        self._block_most = 1
        self._left = threading.Condition()
        self._inside = 0
        self._places = PLACES_AT_LEAST

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the few places before the tokens, for all that is done before a POST.

        Raises:
            StoppingError: the process goes down meanwhile.
        """
        with self._left:
            while self._inside >= self._places:
                if self._stopping.is_set():
                    raise StoppingError
                self._left.wait(STOP_LOOK_SECONDS)
            self._inside += 1
        try:
            yield
        finally:
            with self._left:
                self._inside -= 1
                self._left.notify()

    def reserve(self, tokens: int, *, not_after: float = float("inf")) -> Slot | None:
        """Get the slot for a message to so many recipients; it lies a second ahead at most.

        None: there was none to be had by `not_after` (monotonic clock).

        Raises:
            StoppingError: the process goes down meanwhile.
            sqlalchemy.exc.OperationalError: the database is away.
        """
        with self._lock:
            self._wanted += tokens
        try:
            with self._turn:
                failpoint("in_pacing")
                return self._at_hand(tokens) or self._fetch(tokens, not_after)
        finally:
            with self._lock:
                self._wanted -= tokens

    def wait_for(self, slot: Slot, *, however_late: bool = False) -> bool:
        """Wait until the slot has come; False if its moment has passed, and another is needed.

        Raises:
            StoppingError: the process goes down meanwhile.
        """
        seconds = slot.at - time.monotonic()
        if seconds > 0:
            self._wait(seconds)
        if however_late or time.monotonic() <= self._lapses_at(slot):
            return True
        self._lapse(slot.tokens)
        return False

    def _lapse(self, tokens: int) -> None:
        with self._lock:
            self._note_lapsed(tokens)

    def _at_hand(self, tokens: int) -> Slot | None:
        """A slot of single tokens that this process has already."""
        now = time.monotonic()
        with self._lock:
            while self._slots and self._lapses_at(self._slots[0]) < now:
                self._note_lapsed(self._slots.popleft().tokens)
            if len(self._slots) < tokens:
                return None
            taken = [self._slots.popleft() for _ in range(tokens)]
        return replace(taken[-1], tokens=tokens)

    def _lapses_at(self, slot: Slot) -> float:
        return slot.at - slot.delay_seconds + self._late_at_most_seconds

    def _note_lapsed(self, tokens: int) -> None:
        if not self._lapsed:
            self._lapsed_since = time.monotonic()
        self._lapsed += tokens

    def _lapsed_just_now(self) -> int:
        with self._lock:
            if time.monotonic() - self._lapsed_since > LAPSED_WITHIN_SECONDS:
                self._lapsed = 0
            return self._lapsed

    def _fetch(self, tokens: int, not_after: float) -> Slot | None:
        block = max(tokens, min(self._wanted, self._block_most))
        first = self._reserve_in_turn(block, not_after)
        if first is None:
            return None
        step = first.seconds_per_token
        self._block_most = max(1, int(BLOCK_SECONDS / step))
        self._make_places(max(PLACES_AT_LEAST, math.ceil(PLACES_SECONDS / step)))
        with self._lock:
            self._slots.extend(
                replace(first, at=first.at + step * n, tokens=1) for n in range(tokens, block)
            )
        return replace(first, tokens=tokens)

    def _make_places(self, places: int) -> None:
        with self._left:
            if places > self._places:
                self._left.notify(places - self._places)
            self._places = places

    def _reserve_in_turn(self, tokens: int, not_after: float) -> Slot | None:
        is_late = False
        while time.monotonic() < not_after:
            asked_at, lapsed = time.monotonic(), self._lapsed_just_now()
            answer = self._reserve(tokens, lapsed)
            if isinstance(answer, Reserved):
                with self._lock:
                    self._lapsed -= lapsed
                slot = self._slot(answer, tokens, asked_at)
                if slot.delay_seconds <= self._late_at_most_seconds:
                    return slot
                if is_late:
                    # Not the answer to a moment in which the database stood still: it is slow now.
                    return replace(slot, delay_seconds=0.0)
                is_late = True
                self._lapse(tokens)
            elif isinstance(answer, NoRate):
                log.warning("waiting for the account's send rate, which the scheduler reads")
                self._wait(NO_RATE_RETRY_SECONDS)
            else:
                self._wait(answer.wait_seconds)
        return None

    def _slot(self, reserved: Reserved, tokens: int, asked_at: float) -> Slot:
        now = time.monotonic()
        delay_seconds = self._round_trips.delay_seconds(now - asked_at)
        at = now + reserved.wait_seconds
        return Slot(at, tokens, reserved.seconds_per_token, delay_seconds)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(max(0.0, seconds)):
            raise StoppingError
