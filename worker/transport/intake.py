"""Everything of one consuming channel that is not kombu's: threads, clients, messages in hand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.transport.apart import Apart
from worker.transport.callbacks import Callbacks
from worker.transport.door import Door
from worker.transport.heartbeat import Heartbeat
from worker.transport.in_hand import InHand
from worker.transport.outbox import Outbox
from worker.transport.receiver import Receiver
from worker.transport.sqs import whole_visibility_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

    from worker.transport.held import Held
    from worker.transport.inbox import Inbox
    from worker.transport.options import TransportOptions

logger = logging.getLogger(__name__)


class Intake:
    """Receives from queues into the inbox, and tells SQS what became of each message.

    Settling a message (`finish`, `give_back`) never raises and never waits for SQS, and may be
    done from any thread. Threads and the receiving client come with the first queue.
    """

    def __init__(self, options: TransportOptions, client: SQSClient, inbox: Inbox) -> None:
        self._options = options
        self.in_hand = InHand(options.visibility_timeout_seconds / 2, options.queues)
        self._outbox = Outbox(options, client)
        self._callbacks = Callbacks(options)
        self._apart = Apart(options, self.in_hand, self.finish)
        self._door = Door(
            options, self._callbacks, self.in_hand, inbox, self._outbox, apart=self._apart
        )
        self._heartbeat = Heartbeat(options, client, self.in_hand, self._outbox)
        self._receiving_client: SQSClient | None = None
        self._receivers: dict[str, Receiver] = {}

    def open(self, queue: str) -> None:
        """Receive from `queue` from now on."""
        if self._receiving_client is None:
            self._receiving_client = self._options.receiving_client()
            self._outbox.start()
            self._heartbeat.start()
            self._apart.start()
        self.in_hand.open(queue)
        receiver = self._receivers[queue] = Receiver(
            queue, self._options, self._receiving_client, self.in_hand, self._door
        )
        receiver.start()

    def close_queue(self, queue: str) -> None:
        """Receive no more from `queue`, and show at once what of it has not started."""
        self.stop_receiving(queue)
        self._receivers.pop(queue, None)
        self._show_now(self.in_hand.close(queue))

    def stop_receiving(self, queue: str) -> None:
        """Begin no further poll of `queue`."""
        if queue in self._receivers:
            self._receivers[queue].stop()

    def stop_receiving_all(self) -> None:
        """Begin no further poll of any queue."""
        for queue in tuple(self._receivers):
            self.stop_receiving(queue)

    def finish(self, receipt: str) -> None:
        """The task is over: delete the message, or show it again later if the task asked so."""
        held = self.in_hand.remove(receipt)
        if held is None:
            logger.info("A finished message was not in hand any more; SQS shows it again.")
            return
        self._callbacks.left([held])
        if held.give_back_after_seconds is not None:
            self._show_after(held.give_back_after_seconds, held)
        else:
            self._outbox.delete(held.queue, receipt)

    def give_back(self, receipt: str, seconds: float) -> None:
        """Do not delete: SQS shows it again after `seconds`, or when the task asked."""
        held = self.in_hand.remove(receipt)
        if held is not None:
            self._callbacks.left([held])
            asked = held.give_back_after_seconds
            self._show_after(seconds if asked is None else asked, held)

    def leave(self, receipt: str) -> None:
        """Out of hand, untouched: its visibility timeout runs out."""
        self.in_hand.remove(receipt)

    def close(self) -> None:
        """Stop everything. Takes as long as the last orders do, within a bound."""
        for queue in tuple(self._receivers):
            self.close_queue(queue)
        self._show_now(self.in_hand.remove_unfinished())
        self._apart.close(self._options.flush_at_most_seconds)
        self._heartbeat.stop()
        if self._receiving_client is None:
            return
        left = self._outbox.close(self._options.flush_at_most_seconds)
        if left:
            logger.warning(
                "SQS was not told of %d messages before the end; it shows them again.", left
            )

    def _show_after(self, seconds: float, held: Held) -> None:
        held.returned_with_seconds = whole_visibility_seconds(seconds)
        self._outbox.show_after(seconds, held.queue, [held.receipt])

    def _show_now(self, messages: Iterable[Held]) -> None:
        for held in messages:
            self._callbacks.left([held])
            self._show_after(0, held)
