"""The app's callbacks, called so that nothing they raise can stop a receive thread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from worker.transport.options import Screened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.transport.held import Held
    from worker.transport.options import TransportOptions

logger = logging.getLogger(__name__)


class Callbacks:
    """The gate, and who wants to hear of what."""

    def __init__(self, options: TransportOptions) -> None:
        self._options = options

    def may_receive(self, queue: str) -> bool:
        """Whether the gate is open; a gate that cannot answer is shut."""
        if self._options.may_receive is None:
            return True
        try:
            return self._options.may_receive(queue) is not False
        except Exception:
            logger.exception("may_receive failed for queue %s; not receiving.", queue)
            return False

    def received(self, queue: str) -> None:
        """SQS answered a receive."""
        _tell(self._options.on_receive, queue)

    def receive_failed(self, queue: str, error: Exception) -> None:
        """A receive raised `error`."""
        _tell(self._options.on_receive_error, queue, error)

    def refused(self, queue: str, sqs_message: dict[str, Any], reason: str) -> None:
        """A message was refused."""
        _tell(self._options.on_refused, queue, sqs_message, reason)

    def screen(self, queue: str, messages: Sequence[dict[str, Any]]) -> Screened:
        """What must not run among others. Raises what the app's callback raises."""
        if self._options.screen is None or not messages:
            return Screened()
        return self._options.screen(queue, messages)

    def left(self, messages: Iterable[Held]) -> None:
        """These are out of hand; who screened them wants to know."""
        for held in messages:
            if held.receive_count > 1:
                _tell(self._options.on_left, held.queue, [held.message_id])


def _tell(callback: Callable[..., None] | None, queue: str, *what: object) -> None:
    if callback is None:
        return
    try:
        callback(queue, *what)
    except Exception:
        logger.exception("A callback of the transport failed for queue %s.", queue)
