"""When the simulator itself stood still: it takes at once afterwards what came one by one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

TICK_SECONDS = 0.02
LEAST_SECONDS = 0.02


@dataclass(frozen=True)
class Stall:
    """One, of so many seconds, that ended `at` (monotonic clock, on one host everybody's)."""

    at: float
    seconds: float


class StallWatch:
    """Notices when the event loop comes back late."""

    def __init__(self) -> None:
        self.seen: list[Stall] = []

    async def watch(self) -> None:
        """Run until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            late = now - before - TICK_SECONDS
            if late > LEAST_SECONDS:
                self.seen.append(Stall(now, late))
