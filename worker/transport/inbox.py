"""From the receive threads to the event loop.

kombu's hub only has `call_soon` for other threads, and that keeps no order. Its timers and
readers belong to the loop, and without any reader it sleeps a blind 100 ms at a time. So the
way in is our own: a deque, and a socket pair whose one end is always a reader of the hub.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.transport.held import Delivery

_READ_AT_MOST_BYTES = 4096


class Inbox:
    """Deliveries in the order in which they came. Any thread posts, one thread collects."""

    def __init__(self) -> None:
        self._deliveries: deque[Delivery] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        self._is_awake = False

    def fileno(self) -> int:
        """Readable while there may be something to collect."""
        return self._reader.fileno()

    def post(self, deliveries: Iterable[Delivery]) -> None:
        """Add deliveries and wake the collector."""
        self._deliveries.extend(deliveries)
        if not self._is_awake:
            self._is_awake = True
            self.wake()

    def wake(self) -> None:
        """Wake the collector. Takes no lock, so a signal handler may call it."""
        with suppress(OSError):
            self._writer.send(b"\0")

    def collect(self) -> list[Delivery]:
        """Everything posted so far."""
        with suppress(OSError):
            self._reader.recv(_READ_AT_MOST_BYTES)
        # The flag goes down before the deque is read: who posts later sees it down and wakes us.
        self._is_awake = False
        deliveries = []
        while self._deliveries:
            deliveries.append(self._deliveries.popleft())
        return deliveries

    def wait(self, timeout_seconds: float | None) -> bool:
        """Wait until there may be something to collect; False when the time was up before."""
        readable, _, _ = select.select([self._reader], [], [], timeout_seconds)
        return bool(readable)

    def close(self) -> None:
        """Give the sockets back."""
        self._reader.close()
        self._writer.close()
