"""What every long-running process does about signals, and that it ends in time."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

log = structlog.get_logger(__name__)

HURRY_SECONDS = 0.8
# What can be written down at once may still be, when the time is up.
LAST_WRITES_SECONDS = 1.0
LOOK_SECONDS = 0.02
LEFT_BEHIND = 1


def stop_on_signals(stopping: threading.Event) -> None:
    """Set the event on SIGTERM and SIGINT. To be called from the main thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _nothing() -> Mapping[str, object]:
    return {}


class Shutdown:
    """The end of a process: asked for by a first signal, hurried by a second, bounded in any case.

    `stopping` and `hurried` are set by the signals. When `deadline_seconds` have passed since the
    first, or a second after the next, the process exits with 1 and says what it leaves behind.
    """

    def __init__(
        self,
        deadline_seconds: float,
        *,
        stopping: threading.Event | None = None,
        left: Callable[[], Mapping[str, object]] = _nothing,
        writing: Callable[[], bool] = lambda: False,
    ) -> None:
        """`left` tells for the log what is left behind; `writing`, if an outcome is being written.

        Both are called in a thread of their own and must not wait.
        """
        self.stopping = stopping or threading.Event()
        self.hurried = threading.Event()
        self._deadline_seconds = deadline_seconds
        self._left = left
        self._writing = writing
        self._ended = threading.Event()

    def watch(self) -> None:
        """Begin to wait for the end, in a thread of its own."""
        threading.Thread(target=self._run, name="shutdown", daemon=True).start()

    def on_signals(self) -> None:
        """Watch, with SIGTERM and SIGINT asking. To be called from the main thread."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self.ask()

        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)
        self.watch()

    def ask(self) -> None:
        """End; when asked again, hurry. A signal handler may call it."""
        if self.stopping.is_set():
            self.hurried.set()
        self.stopping.set()

    def ended(self) -> None:
        """The process has come to its end by itself."""
        self._ended.set()

    def _run(self) -> None:
        self.stopping.wait()
        log.info("told to end", within_seconds=self._deadline_seconds)
        if self.hurried.wait(self._deadline_seconds):
            self._ended.wait(HURRY_SECONDS)
        if self._ended.is_set():
            return
        ends_at = time.monotonic() + LAST_WRITES_SECONDS
        while self._writing() and time.monotonic() < ends_at:
            self._ended.wait(LOOK_SECONDS)
        log.error("ended before everything was done", hurried=self.hurried.is_set(), **self._left())
        logging.shutdown()
        os._exit(LEFT_BEHIND)
