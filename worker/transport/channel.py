"""kombu's view of the intake: a channel of the SQS transport with its moving parts replaced."""

# mypy: allow-untyped-calls
# kombu is not typed.
from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from kombu.transport import SQS, base, virtual
from typing_extensions import override

from worker.transport.envelope import CONTENT_TYPE
from worker.transport.held import Stage
from worker.transport.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient

    from worker.transport.held import Delivery
    from worker.transport.in_hand import InHand
    from worker.transport.transport import Transport

logger = logging.getLogger(__name__)


class Message(virtual.Message):
    """A delivery as a kombu message: checked and parsed already, the SQS body left behind."""

    def __init__(self, payload: Delivery, channel: Channel, **_: object) -> None:
        held, envelope = payload.held, payload.envelope
        # The queue it came from, whatever the producer wrote.
        delivery_info = {"exchange": "", "routing_key": held.queue, "held": held}
        base.Message.__init__(
            self,
            body=envelope.body,
            channel=channel,
            delivery_tag=held.receipt,
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            headers=envelope.headers,
            properties={
                "correlation_id": envelope.correlation_id,
                "priority": envelope.priority,
                "delivery_info": delivery_info,
            },
            delivery_info=delivery_info,
        )
        self._decoded_cache = envelope.payload


class QoS:
    """kombu's prefetch limit, kept by the intake."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def in_hand(self) -> InHand:
        """The messages that count against the limit."""
        return self._channel.intake.in_hand

    @property
    def prefetch_count(self) -> int:
        """How many messages may be in hand."""
        return self.in_hand.limit

    @prefetch_count.setter
    def prefetch_count(self, count: int) -> None:
        self.in_hand.limit = count

    def can_consume(self) -> bool:
        """Whether there is room for another message."""
        return self.in_hand.free > 0

    def append(self, message: Message, delivery_tag: str) -> None:
        """Nothing to do: the receive thread has entered the message."""

    def restore_unacked_once(self, stderr: object = None) -> None:
        """Nothing to do: the intake gives messages back when it is closed."""


class Channel(SQS.Channel):
    """Consumes through an intake. Sends with SendMessage, one call a message."""

    Message = Message  # type: ignore[assignment]  # taken from an envelope, not from a dict
    QoS = QoS  # type: ignore[assignment]  # kombu asks no more of it than this
    #: Bodies go out as plain JSON: base64 twice, kombu's default, nearly doubles them.
    body_encoding = "utf-8"

    def __init__(self, connection: Transport, **kwargs: object) -> None:
        self.options = connection.options
        super().__init__(connection, **kwargs)
        self._client: SQSClient | None = None
        self._intake: Intake | None = None

    @property
    def intake(self) -> Intake:
        """Made when first needed: a channel that only sends has none."""
        if self._intake is None:
            self._intake = Intake(self.options, self.sqs(), self.connection.inbox)
        return self._intake

    # --- what kombu's SQS channel would ask SQS -----------------------------------------------

    @property
    def predefined_queues(self) -> dict[str, dict[str, str]]:
        """Every queue and its URL: with these, kombu lists and creates nothing."""
        return {name: {"url": url} for name, url in self.options.queues.items()}

    @override
    def canonical_queue_name(self, queue_name: str) -> str:
        """Queue names are keys of `queues`, not names that SQS has to like."""
        return queue_name

    @property
    def sqs_base64_encoding(self) -> bool:
        """See `body_encoding`."""
        return False

    @override
    def sqs(self, queue: str | None = None) -> SQSClient:
        """The client for everything but receiving."""
        if self._client is None:
            self._client = self.options.client_for_the_rest()
        return self._client

    @override
    def _size(self, queue: str) -> int:
        """Asked at each declaration; a worker must start while SQS does not answer."""
        self.options.url_of(queue)
        return 0

    def _get(self, queue: str, timeout: float | None = None) -> NoReturn:
        raise NotImplementedError("This transport consumes; it does not get single messages.")

    def _purge(self, queue: str) -> NoReturn:
        raise NotImplementedError("This transport deletes no message that was not processed.")

    # --- consuming ----------------------------------------------------------------------------

    @override
    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[[virtual.Message], object],
        consumer_tag: str,
        *args: object,
        **kwargs: object,
    ) -> None:
        """Receive from `queue` into `callback`.

        Raises:
            NotImplementedError: for a consumer that does not acknowledge.
            BadTransportOptionsError: the queue's URL is not among the options.
        """
        if no_ack:
            raise NotImplementedError(
                "Consuming without acknowledgement would lose messages; this transport refuses it."
            )
        self.options.url_of(queue)
        virtual.Channel.basic_consume(self, queue, no_ack, callback, consumer_tag, *args, **kwargs)
        self.intake.open(queue)

    @override
    def basic_cancel(self, consumer_tag: str) -> None:
        """Receive no more; messages whose tasks have not started are shown again at once."""
        queue = self._tag_to_queue.get(consumer_tag)
        virtual.Channel.basic_cancel(self, consumer_tag)
        if queue is not None:
            self.intake.close_queue(queue)

    def deliver(self, delivery: Delivery) -> None:
        """Show one delivery to its consumer. On the event loop, so nothing may be raised."""
        if self._intake is None:
            return
        held = delivery.held
        callback = self.connection._callbacks.get(held.queue)  # noqa: SLF001  kombu's own registry
        if callback is None or self._intake.in_hand.get(held.receipt) is not held:
            return  # Cancelled meanwhile, and already given back.
        held.stage = Stage.HANDED
        try:
            callback(delivery)
        except Exception as error:  # noqa: BLE001  one message must not end the worker
            # Not its text: it may quote the message.
            logger.error(  # noqa: TRY400  the same holds for a traceback
                "Celery could not take SQS message %s of queue %s (%s); it is left to SQS.",
                held.message_id,
                held.queue,
                type(error).__name__,
            )
            self._intake.leave(held.receipt)

    def stop_receiving(self) -> None:
        """The worker is to end: take no more from any queue. A signal handler may call it."""
        if self._intake is not None:
            self._intake.stop_receiving_all()

    def awaits_start(self, receipt: str) -> None:
        """From now on `begin` will be asked before its task starts."""
        held = self.intake.in_hand.get(receipt)
        if held is not None:
            held.stage = Stage.WAITING

    def begin(self, receipt: str) -> bool:
        """Whether the task may start: False when the message was given back meanwhile."""
        return self.intake.in_hand.begin(receipt)

    @override
    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """The task is over. Never raises; any thread may call it."""
        self.intake.finish(delivery_tag)

    @override
    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave it to SQS: at once with `requeue`, else in `rejected_visibility_seconds`."""
        seconds = 0 if requeue else self.options.rejected_visibility_seconds
        self.intake.give_back(delivery_tag, seconds)

    @override
    def close(self) -> None:
        """Cancel, give back what has not started, bring the last deletes to SQS."""
        if not self.closed:
            super().close()
            if self._intake is not None:
                self._intake.close()
