"""Gets the certificates of messages that came signed, so that no poller waits for a host."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumers.batches import understand, without
from consumers.certificates import PAUSE_SECONDS
from consumers.errors import GaveUpError
from consumers.fetching import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from consumers.in_hand import Delivery
from consumers.queues import MESSAGES_PER_CALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.backoff import Patience
    from consumers.in_hand import Hand
    from consumers.metrics import Metrics
    from consumers.queues import EventQueue, QueueMessage

log = structlog.get_logger(__name__)

MOST_WAITING = 500
MOST_BYTES_WAITING = 8 * 1024 * 1024
LOOK_SECONDS = 0.5
# The first fetch of a process comes to its end within this time, one way or the other.
FIRST_FETCH_SECONDS = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS


@dataclass(frozen=True)
class _Waiting:
    message: QueueMessage
    received_at: float  # monotonic clock


class Prover:
    """One thread for each queue. What cannot be proved in time is left on the queue.

    So a host that is away holds up only what names it. `within_seconds` bounds the attempts for a
    message: it must be done with well before SQS shows it to others again.
    """

    def __init__(
        self,
        queue: EventQueue,
        hand: Hand,
        metrics: Metrics,
        *,
        patience: Patience,
        within_seconds: float,
    ) -> None:
        self._queue = queue
        self._hand = hand
        self._patience = patience
        self._metrics = metrics
        self._stopping = patience.stopping
        self._within_seconds = within_seconds
        self._waiting: list[_Waiting] = []
        self._held = 0
        self._bytes_held = 0
        self._changed = threading.Condition()
        self._is_failing = False
        self.thread = threading.Thread(target=self.run, name=patience.loop, daemon=True)

    def put(self, messages: Sequence[QueueMessage]) -> None:
        """Have them proved.

        Waits only where many wait for a fetch that may yet succeed. Where fetches fail, what is
        too much is left on the queue at once.
        """
        now = time.monotonic()
        with self._changed:
            self._changed.wait_for(self._is_decided, FIRST_FETCH_SECONDS)
            has_room = self._has_room()
            if has_room:
                self._hold([_Waiting(message, now) for message in messages])
        if not has_room:
            self._leave(messages)

    def run(self) -> None:
        """Go round until told to stop. What is left then comes back by itself."""
        while not self._stopping.is_set():
            self._patience.beat()
            self._round()

    def _round(self) -> None:
        waiting = self._take()
        unproven = 0
        for start in range(0, len(waiting), MESSAGES_PER_CALL):
            self._patience.beat()
            unproven += self._attempt(waiting[start : start + MESSAGES_PER_CALL])
        with self._changed:
            if waiting:
                self._is_failing = unproven > 0
            self._changed.notify_all()
        if unproven:
            self._stopping.wait(PAUSE_SECONDS)

    def _take(self) -> list[_Waiting]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, LOOK_SECONDS)
            taken, self._waiting = self._waiting, []
        return taken

    def _attempt(self, group: Sequence[_Waiting]) -> int:
        """Answers how many of them cannot be proved now."""
        try:
            return self._prove(group)
        except Exception:
            # What they are comes back by itself; a thread that is gone would not.
            log.exception("proving failed", messages=len(group))
            return 0
        finally:
            self._let_go(group)

    def _prove(self, group: Sequence[_Waiting]) -> int:
        messages = [each.message for each in group]
        batch = understand(messages, self._queue.admit_fetching)
        settled = without(messages, batch.unproven)
        if settled:
            now = time.monotonic()
            self._hand.put(Delivery(self._queue, batch, settled, is_deep=False, received_at=now))
        if batch.unproven:
            self._metrics.record_error("certificate")
            self._put_off(group, {each.receipt_handle for each in batch.unproven})
        return len(batch.unproven)

    def _put_off(self, group: Sequence[_Waiting], unproven: set[str]) -> None:
        """Each is tried again while there is time, and then left."""
        since = time.monotonic() - self._within_seconds
        left = [each for each in group if each.message.receipt_handle in unproven]
        late = [each.message for each in left if each.received_at < since]
        if late:
            self._leave(late)
        with self._changed:
            self._hold([each for each in left if each.received_at >= since])

    def _leave(self, messages: Sequence[QueueMessage]) -> None:
        self._metrics.record_unproven(len(messages))
        log.warning("messages stay on the queue for want of a certificate", messages=len(messages))
        with suppress(GaveUpError):
            hide = partial(self._queue.hide_longer, messages)
            self._patience.until_done("hide", hide, attempts=1)

    def _has_room(self) -> bool:
        return self._held < MOST_WAITING and self._bytes_held < MOST_BYTES_WAITING

    def _is_decided(self) -> bool:
        return self._has_room() or self._is_failing or self._stopping.is_set()

    def _hold(self, waiting: Sequence[_Waiting]) -> None:
        self._waiting += waiting
        self._held += len(waiting)
        self._bytes_held += sum(each.message.size_bytes for each in waiting)
        self._hand.set_aside(len(waiting))
        self._changed.notify_all()

    def _let_go(self, group: Sequence[_Waiting]) -> None:
        with self._changed:
            self._held -= len(group)
            self._bytes_held -= sum(each.message.size_bytes for each in group)
        self._hand.set_aside(-len(group))
