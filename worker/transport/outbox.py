"""What SQS is to be told about receipts, sent in batches by threads of its own.

The event loop and the pool's threads only put an order here; no task ever waits for SQS.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from config.failpoints import failpoint
from config.failures import error_name
from worker.transport.backoff import back_off_seconds
from worker.transport.calls import Order, Refusal, send
from worker.transport.sqs import MESSAGES_PER_CALL_AT_MOST, whole_visibility_seconds
from worker.transport.unheard import Unheard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

    from worker.transport.options import TransportOptions

#: How long an order waits for nine more, so that one call carries ten.
LINGER_SECONDS = 0.04
# With the back-off in between this is about 25 s: longer than most of SQS's bad moments.
FAILURES_AT_MOST = 9
_BACK_OFF_WHILE_CLOSING_SECONDS = 0.4
# One sender brings ten orders in each round trip; four keep up with 4,000 a second at 10 ms.
_SENDERS = 4

# Orders of one queue and one kind (True: deletes) can share a call.
_Lane = tuple[str, bool]


class Outbox:
    """Orders to SQS: batched, sent off the caller's thread, retried, flushed at the end."""

    def __init__(self, options: TransportOptions, client: SQSClient) -> None:
        self._options = options
        self._client = client
        self._lanes: dict[_Lane, deque[Order]] = {}
        self._to_retry: list[tuple[float, int, _Lane, Order]] = []
        self._serial = count()
        self._unheard = Unheard()
        self._in_flight = 0
        self._changed = threading.Condition()
        self._closing = False
        self._closed = False

    def start(self) -> None:
        """Start the sender threads."""
        for number in range(_SENDERS):
            name = f"sqs-outbox-{number}"
            threading.Thread(target=self._send_until_closed, name=name, daemon=True).start()

    def delete(self, queue: str, receipt: str) -> None:
        """The message is done."""
        self._put((queue, True), [Order(receipt, None, monotonic() + LINGER_SECONDS)])

    def show_after(self, seconds: float, queue: str, receipts: Iterable[str]) -> None:
        """The messages are not done: SQS is to show them again after `seconds`."""
        visibility_seconds = whole_visibility_seconds(seconds)
        send_by = monotonic() + LINGER_SECONDS
        self._put(
            (queue, False), [Order(receipt, visibility_seconds, send_by) for receipt in receipts]
        )

    def close(self, timeout_seconds: float) -> int:
        """Send everything now; answers how many orders SQS had not taken when time was up.

        Orders that come later are sent by the thread that brings them.
        """
        with self._changed:
            self._closing = True
            self._take_up_retries(math.inf)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._open_orders(), timeout_seconds)
            self._closed = True
            self._changed.notify_all()
            left = self._open_orders()
        self._unheard.log()
        return left

    def _open_orders(self) -> int:
        return self._in_flight + len(self._to_retry) + sum(map(len, self._lanes.values()))

    def _put(self, lane: _Lane, orders: list[Order]) -> None:
        with self._changed:
            if not self._closed:
                waiting = self._lanes.setdefault(lane, deque())
                before = len(waiting)
                waiting.extend(orders)
                if not before or _full_calls(before) != _full_calls(len(waiting)):
                    self._changed.notify()
                return
        self._send(lane, orders)

    # --- the sender threads -------------------------------------------------------------------

    def _send_until_closed(self) -> None:
        while True:
            with self._changed:
                lane, orders = self._next_call()
            if lane is None:
                return
            self._send(lane, orders)
            with self._changed:
                self._in_flight -= len(orders)
                if self._closing:
                    self._changed.notify_all()

    def _next_call(self) -> tuple[_Lane | None, list[Order]]:
        """Wait until a call is worth making, and take its orders out."""
        while not self._closed:
            now = monotonic()
            self._take_up_retries(now)
            for lane, waiting in self._lanes.items():
                if waiting and self._is_ripe(waiting, now):
                    orders = [
                        waiting.popleft()
                        for _ in range(min(len(waiting), MESSAGES_PER_CALL_AT_MOST))
                    ]
                    self._in_flight += len(orders)
                    return lane, orders
            self._changed.wait(self._seconds_to_the_next(now))
        return None, []

    def _is_ripe(self, waiting: deque[Order], now: float) -> bool:
        full = len(waiting) >= MESSAGES_PER_CALL_AT_MOST
        return full or self._closing or waiting[0].send_by <= now

    def _take_up_retries(self, now: float) -> None:
        while self._to_retry and self._to_retry[0][0] <= now:
            _, _, lane, order = heapq.heappop(self._to_retry)
            self._lanes[lane].appendleft(order)

    def _seconds_to_the_next(self, now: float) -> float | None:
        moments = [waiting[0].send_by for waiting in self._lanes.values() if waiting]
        if self._to_retry:
            moments.append(self._to_retry[0][0])
        return max(0.0, min(moments) - now) if moments else None

    # --- one call -----------------------------------------------------------------------------

    def _send(self, lane: _Lane, orders: list[Order]) -> None:
        queue, _ = lane
        try:
            failpoint("before_delete")
            refusals = send(self._client, self._options.url_of(queue), orders)
        except Exception as error:  # noqa: BLE001  a sender outlives whatever a call can raise
            refusals = [Refusal(order, error_name(error), final=False) for order in orders]
        if refusals:
            self._after(lane, refusals)

    def _after(self, lane: _Lane, refusals: list[Refusal]) -> None:
        given_up = 0
        for refusal in refusals:
            refusal.order.failures += 1
            if refusal.final or self._closed or refusal.order.failures >= FAILURES_AT_MOST:
                given_up += 1
            else:
                self._retry_later(lane, refusal.order)
        if given_up:
            queue, deletes = lane
            self._unheard.add(queue, given_up, refusals[0].code, deletes=deletes)

    def _retry_later(self, lane: _Lane, order: Order) -> None:
        seconds = back_off_seconds(order.failures)
        if self._closing:
            seconds = min(seconds, _BACK_OFF_WHILE_CLOSING_SECONDS)
        due = monotonic() + seconds
        with self._changed:
            heapq.heappush(self._to_retry, (due, next(self._serial), lane, order))
            self._changed.notify()


def _full_calls(orders: int) -> int:
    return orders // MESSAGES_PER_CALL_AT_MOST
