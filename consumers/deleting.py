"""Deletes what is applied, several calls at a time, while the next batch is being written."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

import structlog

from consumers.errors import GaveUpError, NotDeletedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.backoff import Patience
    from consumers.in_hand import Hand
    from consumers.queues import EventQueue, QueueMessage

    Orders = SimpleQueue[Sequence[QueueMessage] | None]

log = structlog.get_logger(__name__)

CALLS_AT_ONCE = 4
DELETE_ATTEMPTS = 3


class Deleters:
    """Threads that delete what they are given. What is not deleted comes back, and is known then.

    Whatever becomes of a group, it is no longer in hand. Each queue has threads of its own, so that
    one that does not answer holds up no other.
    """

    def __init__(self, hand: Hand, patience: Patience, queues: Sequence[EventQueue]) -> None:
        self._hand = hand
        self._patience = patience
        self._orders: dict[str, Orders] = {queue.name: SimpleQueue() for queue in queues}
        self._threads = [
            threading.Thread(
                target=self._run, args=(queue,), name=f"deleter-{queue.name}-{number}", daemon=True
            )
            for queue in queues
            for number in range(1, CALLS_AT_ONCE + 1)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def delete(self, queue: EventQueue, messages: Sequence[QueueMessage]) -> None:
        """Have committed messages deleted; does not wait."""
        for group in queue.groups(messages):
            self._orders[queue.name].put(group)

    def close(self) -> None:
        """Nothing more will come: end when all is deleted."""
        for orders in self._orders.values():
            for _ in range(CALLS_AT_ONCE):
                orders.put(None)

    @property
    def threads(self) -> list[threading.Thread]:
        """To be waited for."""
        return self._threads

    def _run(self, queue: EventQueue) -> None:
        while messages := self._orders[queue.name].get():
            try:
                delete = partial(_delete, queue, messages)
                self._patience.until_done("delete", delete, attempts=DELETE_ATTEMPTS)
            except GaveUpError:
                log.warning("messages stay on the queue, applied", messages=len(messages))
            except Exception:
                log.exception("deleting failed", messages=len(messages))
            finally:
                self._hand.done(messages)


def _delete(queue: EventQueue, messages: Sequence[QueueMessage]) -> None:
    if queue.delete(messages):
        raise NotDeletedError
