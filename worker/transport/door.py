"""What a receive brought, sorted: in to Celery, back to the queue, or to the dead-letter queue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from worker.transport.apart import Suspect
from worker.transport.envelope import RefusedError, open_envelope
from worker.transport.held import Delivery, Held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs.type_defs import MessageTypeDef

    from worker.transport.apart import Apart
    from worker.transport.callbacks import Callbacks
    from worker.transport.in_hand import InHand
    from worker.transport.inbox import Inbox
    from worker.transport.options import Screened, TransportOptions
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
        *,
        apart: Apart,
    ) -> None:
        self._options = options
        self._callbacks = callbacks
        self._in_hand = in_hand
        self._inbox = inbox
        self._outbox = outbox
        self._apart = apart

    def turn_away(self, queue: str, messages: Iterable[MessageTypeDef], reserved: int) -> None:
        """What an open poll brought after the end had begun goes back at once."""
        self._in_hand.unreserve(queue, reserved)
        self._outbox.show_after(0, queue, [message["ReceiptHandle"] for message in messages])

    def admit(self, queue: str, messages: Iterable[MessageTypeDef], reserved: int) -> None:
        """Sort what came from `queue`; `reserved` room is filled or free afterwards."""
        good: list[Delivery] = []
        apart: list[Suspect] = []
        bad: list[tuple[dict[str, Any], str]] = []
        unread: list[dict[str, Any]] = [{**message} for message in messages]
        try:
            screened = self._screen(queue, unread)
        except Exception as error:  # noqa: BLE001  whatever it is, the messages are not lost
            self._give_all_back(queue, unread, reserved, error)
            return
        for message in unread:
            message_id: str = message.get("MessageId", "")
            try:
                if message_id in screened.condemned:
                    bad.append((message, screened.condemned[message_id]))
                elif message_id in screened.apart:
                    apart.append(Suspect(Held.from_sqs(queue, message), message))
                else:
                    good.append(self._open(queue, message))
            except RefusedError as refusal:
                bad.append((message, str(refusal)))
            except Exception as error:  # noqa: BLE001  one message must not cost the others
                bad.append((message, f"It could not be read ({type(error).__name__})."))
        self._let_in(queue, good, apart, reserved)
        for message, reason in bad:
            self._refuse(queue, message, reason)

    def _screen(self, queue: str, messages: list[dict[str, Any]]) -> Screened:
        """Before anything is read: what kills its reader must be known by then."""
        return self._callbacks.screen(queue, [each for each in messages if _receives(each) > 1])

    def _give_all_back(
        self, queue: str, messages: list[dict[str, Any]], reserved: int, error: Exception
    ) -> None:
        logger.warning(
            "Messages of queue %s that were shown before could not be looked up (%s).",
            queue,
            type(error).__name__,
        )
        self._in_hand.unreserve(queue, reserved)
        self._outbox.show_after(0, queue, [message["ReceiptHandle"] for message in messages])

    def _open(self, queue: str, message: dict[str, Any]) -> Delivery:
        envelope = open_envelope(message["Body"], self._options.known_tasks)
        return Delivery(Held.from_sqs(queue, message), envelope)

    def _let_in(
        self, queue: str, deliveries: list[Delivery], apart: list[Suspect], reserved: int
    ) -> None:
        messages = [delivery.held for delivery in deliveries]
        messages += [suspect.held for suspect in apart]
        # The gate may have shut, or the consumer gone, while the poll was open.
        if messages and not self._callbacks.may_receive(queue):
            self._in_hand.unreserve(queue, reserved)
        elif self._in_hand.take(queue, reserved, messages):
            self._inbox.post(deliveries)
            self._apart.post(apart)
            return
        self._callbacks.left(messages)
        self._outbox.show_after(0, queue, [held.receipt for held in messages])

    def _refuse(self, queue: str, message: dict[str, Any], reason: str) -> None:
        """Leave it to the queue's redrive policy, and see to it that this does not take long."""
        logger.warning(
            "SQS message %s of queue %s is left for the dead-letter queue: %s",
            message.get("MessageId"),
            queue,
            reason,
        )
        self._callbacks.refused(queue, message, reason)
        self._callbacks.left([Held.from_sqs(queue, message)])
        receipts = [message["ReceiptHandle"]]
        self._outbox.show_after(self._options.refused_visibility_seconds, queue, receipts)


def _receives(message: dict[str, Any]) -> int:
    return int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
