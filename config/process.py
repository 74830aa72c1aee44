"""What every long-running process does about signals."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from types import FrameType


def stop_on_signals(stopping: threading.Event) -> None:
    """Set the event on SIGTERM and SIGINT. To be called from the main thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
