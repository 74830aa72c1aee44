"""The meeting point of Celery's requests and messages in hand, in the pool's threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from celery.worker import state
from celery.worker.request import Request as CeleryRequest
from typing_extensions import override

from worker.transport.sqs import whole_visibility_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery.app.task import Context

    from worker.transport.channel import Message
    from worker.transport.held import Held


class GivenBackError(Exception):
    """The task does not start here: its message was given back while it waited for a thread."""


class Request(CeleryRequest):  # type: ignore[misc]  # Celery has no types
    """A request that asks before it starts, and settles its message in the pool's own thread.

    Celery's own would pass acknowledgements to the event loop, which stands still while a
    worker that shuts down waits for its last tasks.
    """

    acknowledged: bool = False

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Celery derives a class for each task, with an `on_success` that takes every outcome.

        It raises where a task ends in MemoryError or SystemExit, and leaves the message unsettled.
        """
        super().__init_subclass__(**kwargs)
        cls.on_success = _settling_whatever_happens(cls.on_success)

    def __init__(self, message: Message, **options: object) -> None:
        # The arguments are parsed already; without a content type Celery takes them as they are.
        super().__init__(message, **{**options, "body": message.payload, "decoded": True})
        message.channel.awaits_start(message.delivery_tag)

    @override
    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """A thread is about to run the task.

        Raises:
            GivenBackError: SQS has the message again; the thread drops the task.
        """
        if not self._message.channel.begin(self._message.delivery_tag):
            state.task_ready(self)
            raise GivenBackError
        super().on_accepted(pid, time_accepted)

    @override
    def acknowledge(self) -> None:
        """The task is over."""
        if not self.acknowledged:
            self.acknowledged = True
            self._message.ack()

    @override
    def reject(self, requeue: bool = False) -> None:
        """The task is not done; SQS shows its message again."""
        if not self.acknowledged:
            self.acknowledged = True
            self._message.reject(requeue=requeue)


def _settling_whatever_happens(on_outcome: Callable[..., None]) -> Callable[..., None]:
    def on_success(request: Request, outcome: object, **options: object) -> None:
        try:
            on_outcome(request, outcome, **options)
        finally:
            if not request.acknowledged:
                state.task_ready(request)
                request.reject()

    return on_success


@dataclass(frozen=True, slots=True)
class Received:
    """What SQS says about the message of a task."""

    queue: str
    message_id: str
    receive_count: int
    sent_at_epoch_seconds: float


def received(request: Context) -> Received:
    """Where the message of the running task (`self.request`) came from.

    Raises:
        LookupError: the task does not run for a message of this transport.
    """
    held = _held(request)
    return Received(held.queue, held.message_id, held.receive_count, held.sent_at_epoch_seconds)


def give_back(request: Context, after_seconds: float) -> None:
    """Have the message of the running task shown again `after_seconds` after the task returns.

    Whether the task returns or raises, its message is not deleted. Each return to the queue
    costs it one of the receives that its redrive policy allows.

    Raises:
        LookupError: the task does not run for a message of this transport.
    """
    _held(request).give_back_after_seconds = whole_visibility_seconds(after_seconds)


def _held(request: Context) -> Held:
    properties = getattr(request, "properties", None) or {}
    held: Held | None = properties.get("delivery_info", {}).get("held")
    if held is None:
        raise LookupError("This task does not run for a message of the SQS transport.")
    return held
