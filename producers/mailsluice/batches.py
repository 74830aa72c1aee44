"""Groups messages into the batches that SQS takes: ten to a call, one MiB, one queue each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mailsluice.wire import MAX_SQS_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

MAX_BATCH_ENTRIES: Final = 10
# A message does not wait longer than this for others of its stream, while more keep coming.
LINGER_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, ready for SQS. `index` is its place among those given to `send_many`."""

    index: int
    id: UUID
    body: str
    tenant: str | None


@dataclass(slots=True)
class Batch:
    """Entries of one queue that fit one call."""

    queue_name: str
    since: float
    entries: list[Entry] = field(default_factory=list)
    size_bytes: int = 0

    def takes(self, entry: Entry) -> bool:
        """Whether one more entry fits."""
        if len(self.entries) >= MAX_BATCH_ENTRIES:
            return False
        return self.size_bytes + len(entry.body) <= MAX_SQS_BYTES

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.size_bytes += len(entry.body)


class Batcher:
    """Collects entries queue by queue and gives out batches as they fill or grow old."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, Batch] = {}

    def add(self, queue_name: str, entry: Entry) -> list[Batch]:
        """Take an entry; give out the batches that it filled or did not fit into."""
        ready = []
        batch = self._open.get(queue_name)
        if batch is not None and not batch.takes(entry):
            ready.append(self._open.pop(queue_name))
            batch = None
        if batch is None:
            batch = self._open[queue_name] = Batch(queue_name, since=self._clock())
        batch.add(entry)
        if len(batch.entries) == MAX_BATCH_ENTRIES:
            ready.append(self._open.pop(queue_name))
        return ready

    def overdue(self) -> list[Batch]:
        """Give out the batches that have waited long enough."""
        limit = self._clock() - LINGER_SECONDS
        old = [name for name, batch in self._open.items() if batch.since <= limit]
        return [self._open.pop(name) for name in old]

    def rest(self) -> list[Batch]:
        """Give out everything that is left."""
        batches = list(self._open.values())
        self._open.clear()
        return batches
