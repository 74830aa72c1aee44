"""Counts every call by its outcome, and lets a test wait until a count is reached."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict


class Counters:
    """Named counters that only grow, and the futures that wait for them."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._waiting: defaultdict[str, list[tuple[int, asyncio.Future[None]]]] = defaultdict(list)

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def add(self, name: str) -> None:
        self._values[name] += 1
        if name in self._waiting:
            self._wake(name)

    async def reach(self, name: str, count: int, timeout_seconds: float) -> bool:
        """Wait until the counter is at least `count`; False if the time ran out first."""
        if self._values[name] >= count:
            return True
        reached = asyncio.get_running_loop().create_future()
        self._waiting[name].append((count, reached))
        done, _ = await asyncio.wait([reached], timeout=timeout_seconds)
        reached.cancel()
        return bool(done)

    def clear(self) -> None:
        """Back to zero; whoever waits goes on waiting."""
        self._values.clear()

    def _wake(self, name: str) -> None:
        value = self._values[name]
        still = []
        for count, reached in self._waiting.pop(name):
            if reached.done():
                continue
            if value >= count:
                reached.set_result(None)
            else:
                still.append((count, reached))
        if still:
            self._waiting[name] = still


class CallBook:
    """How often each operation was called, and how each call ended."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def started(self, operation: str) -> None:
        """Note that a call such as `sqs.ReceiveMessage` has arrived."""
        self._counters.add(f"started:{operation}")

    def finished(self, operation: str, outcome: str) -> None:
        """Note how it ended: an HTTP status, or `cut`, `hang`, `lost`."""
        self._outcomes[operation][outcome] += 1
        self._counters.add(f"calls:{operation}")

    def outcomes(self) -> dict[str, dict[str, int]]:
        return {operation: dict(counts) for operation, counts in sorted(self._outcomes.items())}

    def clear(self) -> None:
        self._outcomes.clear()
