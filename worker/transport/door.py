"""What a receive brought, sorted: in to Celery, back to the queue, or to the dead-letter queue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from worker.transport.envelope import RefusedError, open_envelope
from worker.transport.held import Delivery, Held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs.type_defs import MessageTypeDef

    from worker.transport.callbacks import Callbacks
    from worker.transport.in_hand import InHand
    from worker.transport.inbox import Inbox
    from worker.transport.options import TransportOptions
    from worker.transport.outbox import Outbox

logger = logging.getLogger(__name__)


class Door:
    """Runs in the receive threads."""

    def __init__(
        self,
        options: TransportOptions,
        callbacks: Callbacks,
        in_hand: InHand,
        inbox: Inbox,
        outbox: Outbox,
    ) -> None:
        self._options = options
        self._callbacks = callbacks
        self._in_hand = in_hand
        self._inbox = inbox
        self._outbox = outbox

    def admit(self, queue: str, messages: Iterable[MessageTypeDef], reserved: int) -> None:
        """Sort what came from `queue`; `reserved` room is filled or free afterwards."""
        good: list[Delivery] = []
        bad: list[tuple[dict[str, Any], str]] = []
        for message in map(dict, messages):
            try:
                good.append(self._open(queue, message))
            except RefusedError as refusal:
                bad.append((message, str(refusal)))
            except Exception as error:  # noqa: BLE001  one message must not cost the others
                bad.append((message, f"It could not be read ({type(error).__name__})."))
        self._let_in(queue, good, reserved)
        for message, reason in bad:
            self._refuse(queue, message, reason)

    def _open(self, queue: str, message: dict[str, Any]) -> Delivery:
        envelope = open_envelope(message["Body"], self._options.known_tasks)
        return Delivery(Held.from_sqs(queue, message), envelope)

    def _let_in(self, queue: str, deliveries: list[Delivery], reserved: int) -> None:
        # The gate may have shut, or the consumer gone, while the poll was open.
        if deliveries and not self._callbacks.may_receive(queue):
            self._in_hand.unreserve(queue, reserved)
        elif self._in_hand.take(queue, reserved, (delivery.held for delivery in deliveries)):
            self._inbox.post(deliveries)
            return
        receipts = [delivery.held.receipt for delivery in deliveries]
        self._outbox.show_after(0, queue, receipts)

    def _refuse(self, queue: str, message: dict[str, Any], reason: str) -> None:
        """Leave it to the queue's redrive policy, and see to it that this does not take long."""
        logger.warning(
            "SQS message %s of queue %s is left for the dead-letter queue: %s",
            message.get("MessageId"),
            queue,
            reason,
        )
        self._callbacks.refused(queue, message, reason)
        receipts = [message["ReceiptHandle"]]
        self._outbox.show_after(self._options.refused_visibility_seconds, queue, receipts)
