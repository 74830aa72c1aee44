"""Trying again: every outage of SQS or the database is waited out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_never,
    stop_when_event_set,
    wait_exponential_jitter,
)

from config.errors import ConfigurationError
from config.failures import error_name
from consumers.errors import GaveUpError, NotDeletedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import NoReturn

    from config.health import Progress
    from consumers.metrics import Metrics

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 10.0
JITTER_SECONDS = 0.5

EXPECTED = (
    BotoCoreError,
    ClientError,
    SQLAlchemyError,
    NotDeletedError,
    ConfigurationError,
)

T = TypeVar("T")


class Patience:
    """Repeats what fails, with growing random waits, until it succeeds or the process is to end.

    Each attempt counts as a sign of life of `loop`.
    """

    def __init__(
        self, loop: str, metrics: Metrics, progress: Progress, stopping: threading.Event
    ) -> None:
        self.loop = loop
        self._metrics = metrics
        self._progress = progress
        self.stopping = stopping

    def until_done(self, stage: str, call: Callable[[], T], *, attempts: int | None = None) -> T:
        """What `call` answers, once it does.

        Raises:
            GaveUpError: the process is to end, or all `attempts` failed.
        """
        limit = stop_after_attempt(attempts) if attempts else stop_never
        retrying = Retrying(
            retry=retry_if_exception_type(Exception),
            wait=wait_exponential_jitter(
                multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS, jitter=JITTER_SECONDS
            ),
            stop=stop_when_event_set(self.stopping) | limit,
            sleep=sleep_using_event(self.stopping),
            before=lambda _state: self.beat(),
            after=lambda state: self._failed(stage, state),
            retry_error_callback=_give_up,
        )
        return retrying(call)

    def beat(self) -> None:
        """A sign of life of the loop."""
        self._progress.beat(self.loop)

    def _failed(self, stage: str, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._metrics.record_error(stage)
        log.warning(
            "attempt failed",
            stage=stage,
            error=error_name(error),
            attempt=state.attempt_number,
            # The text of an error may quote the data; only where it is our own mistake
            # do we need it.
            exc_info=None if isinstance(error, EXPECTED) else error,
        )


def _give_up(_state: RetryCallState) -> NoReturn:
    raise GaveUpError
