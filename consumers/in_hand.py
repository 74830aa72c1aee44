"""What was received and is not done with: the pollers put it in, the applier takes it out."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.batches import Batch
    from consumers.queues import EventQueue, QueueMessage

# One transaction has its price, which large batches share; an event waits this long for company.
BATCH_MESSAGES = 500
BATCH_BYTES = 8 * 1024 * 1024
LINGER_SECONDS = 0.2
LOOK_SECONDS = 0.5

# One batch is being written, one gathers, one is being deleted.
MOST_IN_HAND = 3 * BATCH_MESSAGES
# An event may have 256 KiB, and what lies on SQS 1 MiB; read, it takes some times of that.
MOST_BYTES_IN_HAND = 4 * BATCH_BYTES
LEAST_IN_HAND = 100
# What is in hand must be done with well before SQS shows it to others again.
SHARE_OF_HIDDEN_TIME = 0.25


@dataclass(frozen=True)
class Delivery:
    """What one receive brought, understood. `is_deep`: the queue seems to hold more."""

    queue: EventQueue
    batch: Batch
    messages: list[QueueMessage]
    is_deep: bool
    received_at: float  # monotonic clock

    @property
    def size_bytes(self) -> int:
        """What the bodies take of the memory."""
        return _size_bytes(self.messages)


class Hand:
    """A bounded number of messages between receive and delete. Thread-safe."""

    def __init__(self, *, hidden_seconds: float) -> None:
        """`hidden_seconds`: how long SQS shows what was received to nobody else."""
        self._hidden_seconds = hidden_seconds
        self._lock = threading.Lock()
        # Whoever is woken for nothing costs a turn of the interpreter: so each is woken apart.
        self._room = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._rest = threading.Condition(self._lock)
        self._waiting: deque[Delivery] = deque()
        self._messages_waiting = 0
        self._bytes_waiting = 0
        self._held = 0
        self._bytes_held = 0
        self._aside = 0
        self._limit = MOST_IN_HAND
        self._is_closed = False
        self._is_stalled = False

    @property
    def held(self) -> int:
        """How many messages are in hand."""
        return self._held + self._aside

    def wait_for_room(self) -> bool:
        """Wait a moment for room; whether there is any. While nothing gets done there is none."""
        with self._lock:
            return self._room.wait_for(self._has_room, LOOK_SECONDS)

    def wait_until_empty(self) -> bool:
        """Wait a moment until nothing is in hand; whether that is so."""
        with self._lock:
            return self._rest.wait_for(lambda: not self.held, LOOK_SECONDS)

    def put(self, delivery: Delivery) -> None:
        """Hand it to the applier."""
        with self._lock:
            self._waiting.append(delivery)
            self._messages_waiting += len(delivery.messages)
            self._bytes_waiting += delivery.size_bytes
            self._held += len(delivery.messages)
            self._bytes_held += delivery.size_bytes
            if len(self._waiting) == 1 or self._is_ready():
                self._work.notify()

    def take(self) -> list[Delivery]:
        """What there is, up to a batch, in the order of arrival; empty after a moment in vain.

        While the queues are deep a batch is given a moment to get full.
        """
        with self._lock:
            if not self._work.wait_for(lambda: self._waiting or self._is_closed, LOOK_SECONDS):
                return []
            if self._waiting:
                ends_in = self._waiting[0].received_at + LINGER_SECONDS - time.monotonic()
                self._work.wait_for(self._is_ready, max(0.0, ends_in))
            return self._take()

    def done(self, messages: Sequence[QueueMessage]) -> None:
        """These are deleted, or left to SQS."""
        with self._lock:
            self._held -= len(messages)
            self._bytes_held -= _size_bytes(messages)
            self._room.notify()
            if not self.held:
                self._rest.notify_all()

    def set_aside(self, messages: int) -> None:
        """So many more wait for a certificate, or fewer: in hand, but in nobody's way."""
        with self._lock:
            self._aside += messages
            if not self.held:
                self._rest.notify_all()

    def took(self, messages: int, seconds: float) -> None:
        """So long it took to apply so many: slow work means less in hand."""
        in_time = SHARE_OF_HIDDEN_TIME * self._hidden_seconds * messages / max(seconds, 1e-6)
        self._limit = int(min(MOST_IN_HAND, max(LEAST_IN_HAND, in_time)))

    def stall(self) -> None:
        """The database is away: what were received now would only be received again and again."""
        self._is_stalled = True

    def go_on(self) -> None:
        """The database is back."""
        if self._is_stalled:
            with self._lock:
                self._is_stalled = False
                self._room.notify_all()

    def close(self) -> None:
        """Nothing more will be put in."""
        with self._lock:
            self._is_closed = True
            self._work.notify()

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is left to take, nor will be."""
        return self._is_closed and not self._waiting

    def _has_room(self) -> bool:
        return not self._is_full() and not self._is_stalled

    def _is_full(self) -> bool:
        return self._held >= self._limit or self._bytes_held >= MOST_BYTES_IN_HAND

    def _is_ready(self) -> bool:
        makes_a_batch = (
            self._messages_waiting >= BATCH_MESSAGES or self._bytes_waiting >= BATCH_BYTES
        )
        is_last = self._is_closed or not self._waiting[-1].is_deep
        return makes_a_batch or self._is_full() or is_last

    def _take(self) -> list[Delivery]:
        taken: list[Delivery] = []
        count = size_bytes = 0
        while self._waiting and count < BATCH_MESSAGES and size_bytes < BATCH_BYTES:
            taken.append(self._waiting.popleft())
            count += len(taken[-1].messages)
            size_bytes += taken[-1].size_bytes
        self._bytes_waiting -= size_bytes
        self._messages_waiting -= count
        return taken


def _size_bytes(messages: Sequence[QueueMessage]) -> int:
    return sum(each.size_bytes for each in messages)
