"""The threads that receive: one long poll per queue, more while the queue is deep."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
)

from config.failures import error_name
from worker.transport.backoff import back_off
from worker.transport.callbacks import Callbacks
from worker.transport.sqs import MESSAGES_PER_CALL_AT_MOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from worker.transport.door import Door
    from worker.transport.in_hand import InHand
    from worker.transport.options import TransportOptions

logger = logging.getLogger(__name__)

GATE_ASKED_EVERY_SECONDS = 1.0
# What an additional poll waits: long enough that SQS asks all of its hosts, short enough that
# a queue run dry gets its reserved room back soon.
_SHORT_WAIT_SECONDS = 1


class Receiver:
    """Receives from one queue, in threads of its own, whatever happens, until stopped."""

    def __init__(
        self, queue: str, options: TransportOptions, client: SQSClient, in_hand: InHand, door: Door
    ) -> None:
        self._queue = queue
        self._options = options
        self._callbacks = Callbacks(options)
        self._client = client
        self._in_hand = in_hand
        self._door = door
        self._stopped = threading.Event()
        # Up while the last answer was as large as it could be.
        self._is_deep = threading.Event()

    def start(self) -> None:
        """Start the threads."""
        self._start_thread(self._receive_always, "sqs-receive")
        for number in range(1, self._options.receives_at_most):
            self._start_thread(self._receive_while_deep, f"sqs-receive-more-{number}")

    def _start_thread(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=target, name=f"{name}-{self._queue}", daemon=True).start()

    def stop(self) -> None:
        """Receive no more. What an open poll still brings is given back by its thread."""
        self._stopped.set()
        self._is_deep.set()

    # --- the two loops ------------------------------------------------------------------------

    def _receive_always(self) -> None:
        while not self._stopped.is_set():
            self._surely(self._poll, self._options.wait_time_seconds)

    def _receive_while_deep(self) -> None:
        while not self._stopped.is_set():
            self._is_deep.wait()
            self._surely(self._poll, _SHORT_WAIT_SECONDS)

    def _surely(self, poll: Callable[[int], None], wait_time_seconds: int) -> None:
        """Poll once; after an error of any kind, again and again with back-off."""
        Retrying(
            retry=retry_if_exception_type(Exception),
            wait=back_off,
            sleep=sleep_using_event(self._stopped),
            stop=stop_when_event_set(self._stopped),
            before_sleep=self._report,
            retry_error_callback=_nothing_more,
        )(poll, wait_time_seconds)

    def _report(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Exception):
            return
        logger.warning(
            "Receiving from queue %s failed (%s: %s); next try in %.1f s.",
            self._queue,
            error_name(error),
            error,
            state.upcoming_sleep,
        )
        self._callbacks.receive_failed(self._queue, error)

    # --- one poll -----------------------------------------------------------------------------

    def _poll(self, wait_time_seconds: int) -> None:
        room = self._in_hand.reserve(self._queue, MESSAGES_PER_CALL_AT_MOST)
        if not room:
            return
        if not self._callbacks.may_receive(self._queue):
            self._in_hand.unreserve(self._queue, room)
            self._stopped.wait(GATE_ASKED_EVERY_SECONDS)
            return
        try:
            messages = self._ask_sqs(room, wait_time_seconds)
        except BaseException:
            self._in_hand.unreserve(self._queue, room)
            raise
        if len(messages) == room:
            self._is_deep.set()
        elif not self._stopped.is_set():
            self._is_deep.clear()
        self._callbacks.received(self._queue)
        if self._stopped.is_set():
            self._door.turn_away(self._queue, messages, room)
        else:
            self._door.admit(self._queue, messages, room)

    def _ask_sqs(self, count: int, wait_time_seconds: int) -> list[MessageTypeDef]:
        answer = self._client.receive_message(
            QueueUrl=self._options.url_of(self._queue),
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_time_seconds,
            VisibilityTimeout=self._options.visibility_timeout_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return answer.get("Messages", [])


def _nothing_more(_: RetryCallState) -> None:
    """Stopped while backing off: the loop above sees it."""
