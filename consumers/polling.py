"""A poller: receives, understands, and hands over what is to be applied."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumers.batches import understand, without
from consumers.errors import GaveUpError
from consumers.in_hand import Delivery
from consumers.queues import MESSAGES_PER_CALL

if TYPE_CHECKING:
    from consumers.backoff import Patience
    from consumers.in_hand import Hand
    from consumers.proving import Prover
    from consumers.queues import EventQueue, QueueMessage
    from consumers.tide import Tide
    from consumers.witness import Witness

log = structlog.get_logger(__name__)

AFTER_A_DEFECT_SECONDS = 1.0


class Poller:
    """One thread that receives from one queue until told to stop.

    The one with the `witness` never sleeps; the others do while the tide is low.
    """

    def __init__(
        self,
        number: int,
        queue: EventQueue,
        tide: Tide,
        hand: Hand,
        prover: Prover,
        *,
        patience: Patience,
        wait_seconds: int,
        witness: Witness | None = None,
    ) -> None:
        self._number = number
        self._queue = queue
        self._tide = tide
        self._hand = hand
        self._prover = prover
        self._patience = patience
        self._stopping = patience.stopping
        self._wait_seconds = wait_seconds
        self._witness = witness
        self._has_messages = threading.Event()
        self.thread = threading.Thread(target=self.run, name=patience.loop, daemon=True)

    @property
    def has_messages(self) -> bool:
        """Whether it has received what it has not handed over yet."""
        return self._has_messages.is_set()

    def run(self) -> None:
        """Go round until told to stop. Every failure is waited out."""
        while not self._stopping.is_set():
            try:
                self._round()
            except GaveUpError:
                log.info("gave up for now", poller=self._patience.loop)
            except Exception:
                # What it had comes back by itself; a poller that is gone would not.
                log.exception("a round failed", poller=self._patience.loop)
                self._stopping.wait(AFTER_A_DEFECT_SECONDS)

    def _round(self) -> None:
        self._patience.beat()
        if self._tide.wait_for_work(self._number) and self._hand.wait_for_room():
            self._poll()
        if self._witness is not None and self._witness.is_due:
            self._look(self._witness)

    def _look(self, witness: Witness) -> None:
        """While anything is in hand there is nothing to prove, whatever SQS counts."""
        if self._hand.wait_until_empty():
            # What it cannot see now it looks at again; the events do not wait for it.
            with suppress(GaveUpError):
                self._patience.until_done("watermark", witness.look, attempts=1)

    def _poll(self) -> None:
        receive = partial(self._queue.receive, wait_seconds=self._wait_seconds)
        messages = self._patience.until_done("receive", receive)
        if messages:
            self._has_messages.set()
        try:
            self._tide.note(len(messages))
            self._hand_over(messages)
        finally:
            self._has_messages.clear()

    def _hand_over(self, messages: list[QueueMessage]) -> None:
        received_at, is_deep = time.monotonic(), len(messages) == MESSAGES_PER_CALL
        batch = understand(messages, self._queue.admit)
        settled = without(messages, batch.unproven)
        if settled:
            self._hand.put(Delivery(self._queue, batch, settled, is_deep, received_at))
        if batch.unproven:
            self._prover.put(batch.unproven)
