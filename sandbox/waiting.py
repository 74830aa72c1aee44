"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_SECONDS = 0.05


class NotInTimeError(Exception):
    """What was waited for did not happen in time; the text says what it was."""


def until(
    condition: Callable[[], object],
    what: str,
    *,
    timeout_seconds: float = 30.0,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Look again and again until the condition holds.

    Raises:
        NotInTimeError: it did not hold in time.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTimeError(f"not within {timeout_seconds:g} seconds: {what}")
        pause.wait(look_seconds)
