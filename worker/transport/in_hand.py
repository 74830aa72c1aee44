"""The messages in hand, and the room for more: one prefetch limit over all queues."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from worker.transport.held import Held, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: kombu's word for "no limit" is a prefetch count of 0. We hold so many at most all the same.
UNLIMITED = 1_000

# When a little room is free, more comes free within moments. Ten messages by one call
# are worth a wait that no task notices: something is always prefetched.
_GATHER_SECONDS = 0.01


class InHand:
    """Thread-safe. Receive threads enter messages; the loop and the pool's threads remove them.

    Room is reserved before a receive asks SQS for messages, so all queues together never hold
    more than the limit.
    """

    def __init__(self, extend_after_seconds: float) -> None:
        self._extend_after_seconds = extend_after_seconds
        self._limit = UNLIMITED
        self._reserved = 0
        self._held: dict[str, Held] = {}
        self._open_queues: set[str] = set()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        # Only who has the turn waits for room; it is woken when so much is free, 0 for nobody.
        self._turn = threading.Lock()
        self._woken_at = 0

    @property
    def limit(self) -> int:
        """How many may be held, reserved room included."""
        return self._limit

    @limit.setter
    def limit(self, prefetch_count: int) -> None:
        with self._lock:
            self._limit = prefetch_count or UNLIMITED
            self._room.notify()

    @property
    def free(self) -> int:
        """Room neither filled nor reserved."""
        return self._limit - len(self._held) - self._reserved

    def __len__(self) -> int:
        return len(self._held)

    # --- queues -------------------------------------------------------------------------------

    def open(self, queue: str) -> None:
        """Messages of `queue` may be taken from now on."""
        with self._lock:
            self._open_queues.add(queue)

    def close(self, queue: str) -> list[Held]:
        """Take no more of `queue`; answers what was in hand and will now never start."""
        with self._lock:
            self._open_queues.discard(queue)
            self._room.notify()
            return self._remove(lambda held: held.queue == queue and held.stage in _RECALLABLE)

    def is_open(self, queue: str) -> bool:
        """Whether `queue` is consumed."""
        return queue in self._open_queues

    @property
    def open_queues(self) -> int:
        """How many queues are consumed."""
        return len(self._open_queues)

    # --- room ---------------------------------------------------------------------------------

    def reserve(self, queue: str, wanted: int) -> int:
        """Wait for room and reserve up to `wanted` of it; 0 when `queue` was closed meanwhile."""
        with self._turn, self._lock:
            self._wait_for_room(queue, 1)
            if self.free < wanted:
                self._wait_for_room(queue, wanted, _GATHER_SECONDS)
            if queue not in self._open_queues:
                return 0
            count = max(0, min(wanted, self.free))
            self._reserved += count
            return count

    def _wait_for_room(self, queue: str, count: int, timeout_seconds: float | None = None) -> None:
        self._woken_at = count
        self._room.wait_for(
            lambda: self.free >= count or queue not in self._open_queues, timeout_seconds
        )
        self._woken_at = 0

    def unreserve(self, count: int) -> None:
        """Give reserved room back."""
        with self._lock:
            self._reserved -= count
            self._tell_of_room()

    def _tell_of_room(self) -> None:
        if self._woken_at and self.free >= self._woken_at:
            self._room.notify()

    # --- messages -----------------------------------------------------------------------------

    def take(self, queue: str, reserved: int, messages: Iterable[Held]) -> bool:
        """Enter what a receive brought and free the rest of its reserved room.

        False if `queue` is not consumed any more: then nothing was entered.
        """
        with self._lock:
            self._reserved -= reserved
            taken = queue in self._open_queues
            if taken:
                for held in messages:
                    held.extend_at = held.received_at + self._extend_after_seconds
                    self._held[held.receipt] = held
            self._tell_of_room()
            return taken

    def get(self, receipt: str) -> Held | None:
        """The message of that receipt, if it is still in hand."""
        return self._held.get(receipt)

    def begin(self, receipt: str) -> bool:
        """Its task is about to start. False: it was given back, and must not run here."""
        with self._lock:
            held = self._held.get(receipt)
            if held is None:
                return False
            held.stage = Stage.STARTED
            return True

    def remove(self, receipt: str) -> Held | None:
        """Out of hand; None if it already was. Its slot is free at once."""
        with self._lock:
            held = self._held.pop(receipt, None)
            self._tell_of_room()
            return held

    def remove_unfinished(self) -> list[Held]:
        """At the end, with the pool stopped: everything whose task did not start."""
        with self._lock:
            return self._remove(lambda held: held.stage is not Stage.STARTED)

    def remove_older_than(self, seconds: float) -> list[Held]:
        """Everything held for longer than that."""
        received_before = monotonic() - seconds
        with self._lock:
            return self._remove(lambda held: held.received_at < received_before)

    def _remove(self, matches: Callable[[Held], bool]) -> list[Held]:
        removed = [held for held in self._held.values() if matches(held)]
        for held in removed:
            del self._held[held.receipt]
        self._tell_of_room()
        return removed

    # --- visibility ---------------------------------------------------------------------------

    def to_extend(self) -> list[Held]:
        """Messages whose visibility timeout is half used up."""
        now = monotonic()
        with self._lock:
            return [held for held in self._held.values() if held.extend_at <= now]

    def extended(self, messages: Iterable[Held], asked_at: float) -> None:
        """SQS hides these for a whole visibility timeout, counted from `asked_at` (monotonic)."""
        for held in messages:
            held.extend_at = asked_at + self._extend_after_seconds


_RECALLABLE = (Stage.ARRIVED, Stage.WAITING)
