"""kombu's transport: connects channels, and the inbox with Celery's event loop."""

# mypy: allow-untyped-calls
# kombu is not typed.
from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from celery import signals
from kombu.transport import SQS, virtual
from typing_extensions import override

from worker.transport.channel import Channel
from worker.transport.inbox import Inbox
from worker.transport.options import TransportOptions

if TYPE_CHECKING:
    from kombu.asynchronous import Hub
    from kombu.connection import Connection


class Transport(SQS.Transport):
    """Amazon SQS for unattended Celery workers. Needs no pycurl.

    kombu's `polling_interval` has no meaning here: receive threads wait in SQS's long poll, and
    the event loop for the inbox.
    """

    Channel = Channel

    # Nothing here raises because SQS does not answer. What boto3 raises while a client is made
    # is a configuration to be mended, and must not look like a lost connection.
    connection_errors = virtual.Transport.connection_errors  # type: ignore[assignment]  # fewer
    channel_errors = virtual.Transport.channel_errors  # type: ignore[assignment]  # fewer

    def __init__(self, client: Connection, **kwargs: object) -> None:
        self.options = TransportOptions.parse(client.transport_options or {})
        self._inbox: Inbox | None = None
        self._hub: Hub | None = None
        super().__init__(client, **kwargs)

    @property
    def inbox(self) -> Inbox:
        """Made when needed: Celery makes transports just to look at, and never closes them."""
        if self._inbox is None:
            self._inbox = Inbox()
        return self._inbox

    @override
    def register_with_event_loop(self, connection: object, loop: Hub) -> None:
        """Have the loop deliver what arrives, and wake up at once when the worker is to stop."""
        self._hub = loop
        loop.add_reader(self.inbox, self._deliver_all)
        signals.worker_shutting_down.connect(self._wake)

    def _wake(self, **_: object) -> None:
        """Celery's signal handler sets a flag that its loop, asleep, would see a second later."""
        for channel in tuple(self.channels):
            channel.stop_receiving()
        self.inbox.wake()

    def _deliver_all(self) -> int:
        deliveries = self.inbox.collect()
        for delivery in deliveries:
            for channel in tuple(self.channels):
                channel.deliver(delivery)
        return len(deliveries)

    @override
    def drain_events(self, connection: object, timeout: float | None = None, **_: object) -> None:
        """Deliver what has arrived, without an event loop.

        Raises:
            TimeoutError: nothing arrived in `timeout` seconds.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while not self._deliver_all():
            left = None if deadline is None else max(0.0, deadline - monotonic())
            if not self.inbox.wait(left):
                raise TimeoutError

    @override
    def close_connection(self, connection: object) -> None:
        """Close the channels, and leave the event loop."""
        super().close_connection(connection)
        signals.worker_shutting_down.disconnect(self._wake)
        if self._inbox is None:
            return
        # A hub that was closed has forgotten us, and would open a new poller if it were asked.
        if self._hub is not None and self._inbox.fileno() in self._hub.readers:
            self._hub.remove_reader(self._inbox.fileno())
        self._inbox.close()
