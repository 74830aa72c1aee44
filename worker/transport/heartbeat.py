"""Keeps messages in hand invisible to others for as long as they are held."""

from __future__ import annotations

import logging
import threading
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING

from config.failpoints import failpoint
from config.failures import error_name
from worker.transport.calls import Order, send
from worker.transport.sqs import MESSAGES_PER_CALL_AT_MOST

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from worker.transport.held import Held
    from worker.transport.in_hand import InHand
    from worker.transport.options import TransportOptions
    from worker.transport.outbox import Outbox

logger = logging.getLogger(__name__)

# A message is due at half its timeout; with this many looks in a timeout, at least three
# calls can fail before it runs out.
_LOOKS_PER_TIMEOUT = 8


class Heartbeat:
    """A thread that extends the visibility of whatever was held for half of its timeout.

    It calls SQS itself, not through the outbox: deletes that hang must not stop it.
    """

    def __init__(
        self, options: TransportOptions, client: SQSClient, in_hand: InHand, outbox: Outbox
    ) -> None:
        self._options = options
        self._client = client
        self._in_hand = in_hand
        self._outbox = outbox
        self._stop = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="sqs-heartbeat", daemon=True).start()

    def stop(self) -> None:
        """End the thread; a call under way is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        seconds = self._options.visibility_timeout_seconds / _LOOKS_PER_TIMEOUT
        while not self._stop.wait(seconds):
            try:
                self.beat()
            except Exception:
                logger.exception("A heartbeat failed; the next one follows.")

    def beat(self) -> None:
        """One look: let go of what was held too long, extend what is due."""
        failpoint("in_heartbeat")
        for held in self._in_hand.remove_older_than(self._options.hold_at_most_seconds):
            logger.error(
                "SQS message %s of queue %s was held for longer than %d s and is let go.",
                held.message_id,
                held.queue,
                self._options.hold_at_most_seconds,
            )
        due = sorted(self._in_hand.to_extend(), key=_queue_of)
        for queue, messages in groupby(due, key=_queue_of):
            self._extend_all(queue, list(messages))

    def _extend_all(self, queue: str, messages: list[Held]) -> None:
        for start in range(0, len(messages), MESSAGES_PER_CALL_AT_MOST):
            batch = messages[start : start + MESSAGES_PER_CALL_AT_MOST]
            still_held = [held for held in batch if self._in_hand.get(held.receipt) is held]
            if still_held and not self._extend(queue, still_held):
                return

    def _extend(self, queue: str, messages: list[Held]) -> bool:
        """One call. False when it failed as a whole: the next look tries again."""
        asked_at = monotonic()
        seconds = self._options.visibility_timeout_seconds
        orders = [Order(held.receipt, seconds) for held in messages]
        try:
            refusals = send(self._client, self._options.url_of(queue), orders)
        except Exception as error:  # noqa: BLE001  whatever it is, there is a next look
            logger.warning(
                "The visibility of messages of queue %s was not extended (%s); trying again.",
                queue,
                error_name(error),
            )
            return False
        # A stale receipt cannot be mended: the message is visible again, or gone.
        refused = {refusal.order.receipt for refusal in refusals if not refusal.final}
        self._in_hand.extended((held for held in messages if held.receipt not in refused), asked_at)
        self._return_again(queue, messages)
        return True

    def _return_again(self, queue: str, messages: list[Held]) -> None:
        """A message that was returned during the call may have been hidden again by the call."""
        for held in messages:
            if held.returned_with_seconds is not None:
                self._outbox.show_after(held.returned_with_seconds, queue, [held.receipt])


def _queue_of(held: Held) -> str:
    return held.queue
