"""The messages of one queue: what is visible, in flight and delayed.

Nothing here scans: visible messages stand in a deque, time-outs in a heap whose outdated entries
are dropped when they come up. Receiving and deleting cost the same with ten messages and a million.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_STALE_TIMERS_ALLOWED = 10_000


class State(Enum):
    VISIBLE = "visible"
    IN_FLIGHT = "in_flight"
    DELAYED = "delayed"


@dataclass(slots=True)
class StoredMessage:
    """One message, and how far it has come.

    Attributes:
        attributes: Message attributes as they came in JSON.
        system: System attributes that were given, such as `MessageGroupId`.
        sent_at_ms: Epoch milliseconds.
        receipt: Number of the latest receive; older receipt handles are stale.
        timer: Number of the latest time-out; older heap entries are void.
    """

    message_id: str
    body: str
    md5_of_body: str
    sent_at_ms: int
    attributes: dict[str, Any] = field(default_factory=dict)
    md5_of_attributes: str | None = None
    system: dict[str, str] = field(default_factory=dict)
    serial: int = 0
    receive_count: int = 0
    first_received_at_ms: int = 0
    receipt: int = 0
    timer: int = 0
    state: State = State.VISIBLE


class MessageStore:
    """Messages under visibility timeouts and delays; knows nothing of HTTP or of waiting.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: dict[int, StoredMessage] = {}
        self._visible: deque[int] = deque()
        self._timers: list[tuple[float, int, int]] = []
        self._serials = itertools.count(1)
        self.in_flight = 0
        self.delayed = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[StoredMessage]:
        return iter(self._messages.values())

    @property
    def visible(self) -> int:
        return len(self._messages) - self.in_flight - self.delayed

    def add(self, message: StoredMessage, delay_seconds: float = 0) -> None:
        """Take a message in, visible now or after the delay."""
        message.serial = next(self._serials)
        self._messages[message.serial] = message
        if delay_seconds > 0:
            self._hide(message, State.DELAYED, delay_seconds)
        else:
            self._show(message)

    def take(self) -> StoredMessage | None:
        """Take the next visible message out of the line, not yet in flight."""
        while self._visible:
            message = self._messages.get(self._visible.popleft())
            if message is not None:
                return message
        return None

    def put_back(self, message: StoredMessage) -> None:
        """Make a message visible at once, at the end of the line."""
        self._leave_state(message)
        self._show(message)

    def hide(self, message: StoredMessage, seconds: float) -> None:
        """Put a message in flight for `seconds`, counted from now."""
        self._leave_state(message)
        self._hide(message, State.IN_FLIGHT, seconds)

    def get(self, serial: int) -> StoredMessage | None:
        return self._messages.get(serial)

    def remove(self, message: StoredMessage) -> None:
        self._leave_state(message)
        del self._messages[message.serial]

    def clear(self) -> None:
        self._messages.clear()
        self._visible.clear()
        self._timers.clear()
        self.in_flight = self.delayed = 0

    def advance(self) -> int:
        """Make visible what has come due; returns how many messages did."""
        now, shown = self._clock(), 0
        while self._timers and self._timers[0][0] <= now:
            _, serial, timer = heapq.heappop(self._timers)
            message = self._messages.get(serial)
            if message is not None and message.timer == timer:
                self.put_back(message)
                shown += 1
        return shown

    def next_due(self) -> float | None:
        """When the next hidden message comes due, on the monotonic clock."""
        timers = self._timers
        while timers and not self._is_live(timers[0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def expire(self, sent_before_ms: int) -> None:
        """Drop messages older than the retention period; the oldest come first."""
        old = list(itertools.takewhile(lambda m: m.sent_at_ms < sent_before_ms, self))
        for message in old:
            self.remove(message)

    def _is_live(self, entry: tuple[float, int, int]) -> bool:
        message = self._messages.get(entry[1])
        return message is not None and message.timer == entry[2]

    def _show(self, message: StoredMessage) -> None:
        message.state = State.VISIBLE
        self._visible.append(message.serial)

    def _hide(self, message: StoredMessage, state: State, seconds: float) -> None:
        message.state = state
        if state is State.IN_FLIGHT:
            self.in_flight += 1
        else:
            self.delayed += 1
        heapq.heappush(self._timers, (self._clock() + seconds, message.serial, message.timer))
        if len(self._timers) > 2 * (self.in_flight + self.delayed) + _STALE_TIMERS_ALLOWED:
            self._timers = [entry for entry in self._timers if self._is_live(entry)]
            heapq.heapify(self._timers)

    def _leave_state(self, message: StoredMessage) -> None:
        message.timer += 1
        if message.state is State.IN_FLIGHT:
            self.in_flight -= 1
        elif message.state is State.DELAYED:
            self.delayed -= 1
        message.state = State.VISIBLE
