"""Messages that must not run among others: one at a time, in a thread of their own."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.transport.sqs import whole_visibility_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.transport.held import Held
    from worker.transport.in_hand import InHand
    from worker.transport.options import TransportOptions

logger = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True, eq=False)
class Suspect:
    """A held message that nobody has read yet."""

    held: Held
    message: dict[str, Any]


class Apart:
    """Waiting suspects are in hand like any message: kept invisible, and given back at the end."""

    def __init__(
        self, options: TransportOptions, in_hand: InHand, finish: Callable[[str], None]
    ) -> None:
        """`finish` is told the receipt when a suspect has been dealt with."""
        self._options = options
        self._in_hand = in_hand
        self._finish = finish
        self._suspects: queue.SimpleQueue[Suspect | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqs-apart", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, suspects: Iterable[Suspect]) -> None:
        """Have them tried, each in its turn."""
        for suspect in suspects:
            self._suspects.put(suspect)

    def close(self, timeout_seconds: float) -> None:
        """Wait for the one that is being tried."""
        self._suspects.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while (suspect := self._suspects.get()) is not None:
            # One that was given back meanwhile is not begun.
            if self._in_hand.begin(suspect.held.receipt):
                self._try(suspect)

    def _try(self, suspect: Suspect) -> None:
        held = suspect.held
        seconds: float | None = self._options.rejected_visibility_seconds
        try:
            if self._options.try_apart is not None:
                seconds = self._options.try_apart(held.queue, suspect.message)
        except Exception:
            logger.exception("SQS message %s could not be tried apart.", held.message_id)
        held.give_back_after_seconds = (
            None if seconds is None else whole_visibility_seconds(seconds)
        )
        self._finish(held.receipt)
