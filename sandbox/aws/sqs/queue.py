"""One queue: its attributes, its messages, and the receivers that wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.sqs.errors import SqsError, no_such_queue
from sandbox.aws.sqs.store import MessageStore, State, StoredMessage

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_IN_FLIGHT = 120_000
_RETENTION_SWEEP_SECONDS = 1.0


@dataclass(slots=True)
class Whims:
    """How the simulated SQS may be made to trouble its clients; one object for all queues."""

    latency_seconds: float = 0.0
    redeliver_probability: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def redelivers(self) -> bool:
        """Whether this time a message is delivered again although it ought not to be."""
        return self.redeliver_probability > 0 and self.chance.random() < self.redeliver_probability


@dataclass(slots=True, frozen=True)
class Redrive:
    """A queue's redrive policy."""

    target_arn: str
    max_receive_count: int

    @classmethod
    def parse(cls, policy: str) -> Redrive:
        """Read the JSON text of a `RedrivePolicy` that has been checked."""
        fields = json.loads(policy)
        return cls(fields["deadLetterTargetArn"], int(fields["maxReceiveCount"]))


class Queue:
    """A standard queue.

    Args:
        attributes: All settable attributes with their values, as SQS would list them.
        whims: Shared switches for misbehaviour.
        queue_by_arn: Finds the dead-letter queue, or None if it does not exist.
    """

    def __init__(
        self,
        name: str,
        region: str,
        attributes: dict[str, str],
        whims: Whims,
        queue_by_arn: Callable[[str], Queue | None],
    ) -> None:
        self.name = name
        self.arn = f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{name}"
        self.uid = uuid.uuid4().hex[:12]
        self.tags: dict[str, str] = {}
        self.created_at = self.modified_at = int(time.time())
        self.purged_at = float("-inf")
        self.store = MessageStore(time.monotonic)
        self._whims = whims
        self._queue_by_arn = queue_by_arn
        self._waiters: deque[asyncio.Future[bool]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._swept_at = float("-inf")
        self._closed = False
        self.configure(attributes)

    def configure(self, attributes: dict[str, str]) -> None:
        """Put new attribute values into force."""
        self.attributes = attributes
        policy = attributes.get("RedrivePolicy")
        self.redrive = Redrive.parse(policy) if policy else None
        self.modified_at = int(time.time())

    def number(self, attribute: str) -> int:
        return int(self.attributes[attribute])

    def put(self, message: StoredMessage, delay_seconds: float = 0) -> None:
        """Take one message in; call `settle` after the last of a batch."""
        self.store.add(message, delay_seconds)

    def settle(self) -> None:
        """Let those who wait see what has changed."""
        if self._waiters:
            self._wake_next()
            self._set_alarm()

    async def receive(
        self,
        limit: int,
        visibility_seconds: float,
        wait_seconds: float,
        is_gone: Callable[[], bool],
    ) -> list[StoredMessage]:
        """Hand out up to `limit` messages, waiting for the first if there is none.

        Raises:
            SqsError: The queue was deleted, or too many of its messages are in flight.
        """
        deadline = time.monotonic() + wait_seconds
        while not is_gone():
            if self._closed:
                raise no_such_queue()
            messages = self._collect(limit, visibility_seconds)
            if messages or not await self._woken_before(deadline):
                break
        else:
            messages = []
        self.settle()
        return messages

    def handle_of(self, message: StoredMessage) -> str:
        """The receipt handle of the latest receive."""
        return f"AQEB-{self.uid}-{message.serial:x}-{message.receipt:x}"

    def find(self, handle: str) -> tuple[StoredMessage | None, bool]:
        """The message a receipt handle speaks of, and whether the handle is its latest.

        Raises:
            SqsError: The handle is none of this queue's.
        """
        parts = handle.split("-")
        if len(parts) != 4 or parts[:2] != ["AQEB", self.uid]:  # noqa: PLR2004  see handle_of
            raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        self.store.advance()
        message = self.store.get(int(parts[2], 16))
        return message, message is not None and message.receipt == int(parts[3], 16)

    def delete(self, handle: str) -> None:
        """Delete by receipt handle; a stale handle is accepted and changes nothing."""
        message, is_latest = self.find(handle)
        if message is None or not is_latest:
            return
        if self._whims.redelivers():
            if message.state is State.IN_FLIGHT:
                self.store.put_back(message)
                self.settle()
            return
        self.store.remove(message)

    def change_visibility(self, handle: str, seconds: int) -> None:
        """Let a message in flight come back after `seconds`, counted from now.

        Raises:
            SqsError: The message is not in flight under this handle.
        """
        message, is_latest = self.find(handle)
        if message is None or not is_latest:
            raise SqsError(
                "InvalidParameterValue",
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not "
                "exist or is not available for visibility timeout change.",
            )
        if message.state is not State.IN_FLIGHT:
            raise SqsError("MessageNotInflight", "The specified message isn't in flight.")
        self._conceal(message, seconds)
        self.settle()

    def close(self) -> None:
        """The queue is gone; whoever waits on it learns so."""
        self._closed = True
        for waiter in self._waiters:
            _finish(waiter, woken=True)

    def _collect(self, limit: int, visibility_seconds: float) -> list[StoredMessage]:
        self.store.advance()
        self.sweep()
        if self.store.in_flight >= _MAX_IN_FLIGHT:
            raise SqsError("OverLimit", "Too many messages are in flight.")
        messages: list[StoredMessage] = []
        while len(messages) < limit:
            message = self.store.take()
            if message is None:
                break
            if not self._buried(message):
                messages.append(message)
        for message in messages:
            self._hand_out(message, visibility_seconds)
        return messages

    def sweep(self) -> None:
        """Drop what is older than the retention period, at most once a second."""
        now = time.monotonic()
        if now - self._swept_at < _RETENTION_SWEEP_SECONDS:
            return
        self._swept_at = now
        self.store.expire(int((time.time() - self.number("MessageRetentionPeriod")) * 1000))

    def _buried(self, message: StoredMessage) -> bool:
        redrive = self.redrive
        if redrive is None or message.receive_count < redrive.max_receive_count:
            return False
        grave = self._queue_by_arn(redrive.target_arn)
        if grave is None:
            return False
        self.store.remove(message)
        message.system["DeadLetterQueueSourceArn"] = self.arn
        grave.put(message)
        grave.settle()
        return True

    def _hand_out(self, message: StoredMessage, visibility_seconds: float) -> None:
        message.receive_count += 1
        message.receipt += 1
        if not message.first_received_at_ms:
            message.first_received_at_ms = int(time.time() * 1000)
        self._conceal(message, 0 if self._whims.redelivers() else visibility_seconds)

    def _conceal(self, message: StoredMessage, seconds: float) -> None:
        if seconds > 0:
            self.store.hide(message, seconds)
        else:
            self.store.put_back(message)

    async def _woken_before(self, deadline: float) -> bool:
        loop = asyncio.get_running_loop()
        if loop.time() >= deadline:
            return False
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_at(deadline, _finish, waiter)
        self._waiters.append(waiter)
        self._set_alarm()
        woken = False
        try:
            woken = await waiter
        finally:
            timer.cancel()
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
        return woken

    def _wake_next(self) -> None:
        """Wake one receiver; it takes what it may and wakes the next if something is left."""
        while self._waiters and self.store.visible > 0:
            waiter = self._waiters.popleft()
            if not waiter.done():
                _finish(waiter, woken=True)
                return

    def _set_alarm(self) -> None:
        due = self.store.next_due() if self._waiters else None
        if due is None or (self._alarm is not None and self._alarm.when() <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.store.advance()
        self.settle()


def _finish(waiter: asyncio.Future[bool], *, woken: bool = False) -> None:
    if not waiter.done():
        waiter.set_result(woken)
