"""The messages in hand, and the room for more: one prefetch limit, a part for each queue."""

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


class _Room:
    """What one queue's messages and receives fill of its part of the limit."""

    def __init__(self, lock: threading.Lock) -> None:
        self.is_open = False
        # From before it is opened until it is closed: who opens first does not take it all.
        self.has_part = False
        self.filled = 0
        self.changed = threading.Condition(lock)
        # Only who has the turn waits for room; it is woken when so much is free, 0 for nobody.
        self.turn = threading.Lock()
        self.woken_at = 0


class InHand:
    """Thread-safe. Receive threads enter messages; the loop and the pool's threads remove them.

    Each queue that is consumed has an equal part of the limit to itself, so that a campaign which
    fills its own never stands in the way of another queue's mail. Room is reserved before a
    receive asks SQS for messages.
    """

    def __init__(self, extend_after_seconds: float, queues: Iterable[str] = ()) -> None:
        """`queues` are going to be opened, and have their parts from now on."""
        self._extend_after_seconds = extend_after_seconds
        self._limit = UNLIMITED
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        for queue in queues:
            self._room(queue).has_part = True

    @property
    def limit(self) -> int:
        """How many may be held, reserved room included."""
        return self._limit

    @limit.setter
    def limit(self, prefetch_count: int) -> None:
        with self._lock:
            self._limit = prefetch_count or UNLIMITED
            self._tell_all()

    @property
    def free(self) -> int:
        """Room neither filled nor reserved."""
        return self._limit - sum(room.filled for room in self._rooms.values())

    def __len__(self) -> int:
        return len(self._held)

    # --- queues -------------------------------------------------------------------------------

    def open(self, queue: str) -> None:
        """Messages of `queue` may be taken from now on."""
        with self._lock:
            room = self._room(queue)
            room.is_open = room.has_part = True

    def close(self, queue: str) -> list[Held]:
        """Take no more of `queue`; answers what was in hand and will now never start."""
        with self._lock:
            room = self._room(queue)
            room.is_open = room.has_part = False
            self._tell_all()
            return self._remove(lambda held: held.queue == queue and held.stage in _RECALLABLE)

    def is_open(self, queue: str) -> bool:
        """Whether `queue` is consumed."""
        return self._room(queue).is_open

    def _room(self, queue: str) -> _Room:
        return self._rooms.setdefault(queue, _Room(self._lock))

    def _tell_all(self) -> None:
        for room in self._rooms.values():
            room.changed.notify()

    # --- room ---------------------------------------------------------------------------------

    def reserve(self, queue: str, wanted: int) -> int:
        """Wait for room and reserve up to `wanted` of it; 0 when `queue` was closed meanwhile."""
        room = self._room(queue)
        with room.turn, self._lock:
            self._wait_for_room(room, 1)
            if self._free_in(room) < wanted:
                self._wait_for_room(room, wanted, _GATHER_SECONDS)
            if not room.is_open:
                return 0
            count = max(0, min(wanted, self._free_in(room)))
            room.filled += count
            return count

    def _free_in(self, room: _Room) -> int:
        parts = sum(each.has_part for each in self._rooms.values())
        return max(1, self._limit // max(1, parts)) - room.filled

    def _wait_for_room(self, room: _Room, count: int, timeout_seconds: float | None = None) -> None:
        room.woken_at = count
        room.changed.wait_for(
            lambda: self._free_in(room) >= count or not room.is_open, timeout_seconds
        )
        room.woken_at = 0

    def unreserve(self, queue: str, count: int) -> None:
        """Give reserved room back."""
        with self._lock:
            self._empty(queue, count)

    def _empty(self, queue: str, count: int) -> None:
        room = self._room(queue)
        room.filled -= count
        if room.woken_at and self._free_in(room) >= room.woken_at:
            room.changed.notify()

    # --- messages -----------------------------------------------------------------------------

    def take(self, queue: str, reserved: int, messages: Iterable[Held]) -> bool:
        """Enter what a receive brought and free the rest of its reserved room.

        False if `queue` is not consumed any more: then nothing was entered.
        """
        with self._lock:
            before = len(self._held)
            taken = self._room(queue).is_open
            if taken:
                for held in messages:
                    held.extend_at = held.received_at + self._extend_after_seconds
                    self._held[held.receipt] = held
            self._empty(queue, reserved - (len(self._held) - before))
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
            if held is not None:
                self._empty(held.queue, 1)
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
            self._empty(held.queue, 1)
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
