#!/usr/bin/env python3
"""Whether sending goes on while events are drained: a worker's rate without and beside a drain.

One worker sends at the account's rate, from a backlog; PostgreSQL and the sandbox are shared. It is
measured alone, then while `mailsluice events` drains a deep queue, by the sends that SES accepted.
Deadlocks are those that PostgreSQL counted.

    python bench/isolation.py --events 20000 --rate 100
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from db.engine import connect
from mailsluice import Mailsluice, Message
from sandbox.installation import Installation
from sandbox.lives import make_lives, put, record

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS_PER_LIFE = 3
LOOK_SECONDS = 0.5
WARM_UP_SECONDS = 10.0
LONGEST_SECONDS = 60.0
COLUMNS = ("worker", "seconds", "sent", "sent/s", "poorest half-second", "events/s", "deadlocks")


@dataclass(frozen=True)
class Stretch:
    """What was sent in a stretch of time; `counts` are those of each look."""

    name: str
    seconds: float
    counts: list[int]
    events: int
    deadlocks: int

    def row(self) -> list[str]:
        sent = self.counts[-1] - self.counts[0]
        steps = [
            after - before for before, after in zip(self.counts, self.counts[1:], strict=False)
        ]
        return [
            self.name,
            f"{self.seconds:.1f}",
            f"{sent:,}",
            f"{sent / self.seconds:.1f}",
            f"{min(steps)}",
            f"{self.events / self.seconds:,.0f}",
            f"{self.deadlocks}",
        ]


class Bench:
    """One installation with a worker that never runs out of mail."""

    def __init__(self, installation: Installation, rate: float) -> None:
        self._installation = installation
        self._rate = rate
        self._engine = connect(installation.settings())

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def send(self, seconds: float) -> None:
        """Enough mail for so long, and a worker and a scheduler for it."""
        self._installation.control.ses(max_send_rate=self._rate, max_24_hour_send=-1)
        count = int(seconds * self._rate)
        mail = (
            Message(to=f"to{number}@example.com", subject="Hi", text="Hi", stream="transactional")
            for number in range(count)
        )
        Mailsluice(sqs_client=self._installation.sqs).send_many(mail)
        self._installation.start("scheduler")
        self._installation.start("worker")
        threading.Event().wait(WARM_UP_SECONDS)

    def fill(self, events: int) -> int:
        """So many events on the queue, of messages that were sent before."""
        lives = make_lives(events // EVENTS_PER_LIFE)
        record(self._engine, lives)
        url = self._installation.sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
        return put(self._installation.sqs, url, (body for life in lives for body in life.bodies()))

    def watch(self, name: str, goes_on: Callable[[], bool], events: int = 0) -> Stretch:
        """Count the sends while it goes on."""
        deadlocks, began = self._deadlocks(), time.monotonic()
        counts = [self._sent()]
        while goes_on() and time.monotonic() - began < LONGEST_SECONDS:
            counts.append(self._sent())
        took = time.monotonic() - began
        return Stretch(name, took, counts, events, self._deadlocks() - deadlocks)

    def is_not_drained(self) -> bool:
        """Whether events are left; looks for as long as a step lasts."""
        with suppress(TimeoutError):
            queue = f"queue_empty:{self._queue}"
            self._installation.control.wait_for(queue, timeout_seconds=LOOK_SECONDS)
            return False
        return True

    @property
    def _queue(self) -> str:
        return self._installation.settings().events_queue_name

    def _sent(self) -> int:
        return self._installation.control.wait_for("sends", 0)

    def _deadlocks(self) -> int:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        with self._engine.begin() as connection:
            return int(connection.execute(text(query)).scalar_one())


def measure(installation: Installation, events: int, rate: float, alone_seconds: float) -> Table:
    """A row for each stretch."""
    table, bench = Table(*COLUMNS), Bench(installation, rate)
    bench.send(WARM_UP_SECONDS + 2 * alone_seconds + LONGEST_SECONDS)
    count = bench.fill(events)
    ends_at = time.monotonic() + alone_seconds
    paused = threading.Event()

    def is_alone() -> bool:
        paused.wait(LOOK_SECONDS)
        return time.monotonic() < ends_at

    table.add_row(*bench.watch("alone", is_alone).row())
    installation.start("events")
    table.add_row(*bench.watch("beside the drain", bench.is_not_drained, count).row())
    bench.close()
    return table


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=15.0, help="to measure the worker alone")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory,
        Installation(Path(directory)) as installation,
    ):
        table = measure(installation, options.events, options.rate, options.seconds)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
