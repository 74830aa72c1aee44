#!/usr/bin/env python3
"""How soon the full rate is back after PostgreSQL was away.

Lets a backlog out at the account's rate, crashes PostgreSQL, starts it again after a while, and
tells from when on, counted from PostgreSQL's first answer, a second of sending holds the rate.

    python bench/recovery.py --rate 100 --workers 2 --away 1 5 20 --rounds 3
"""

from __future__ import annotations

import argparse
import math
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from mailsluice import Mailsluice, Message
from sandbox.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.aws.truth import Send

WARM_UP_SECONDS = 4.0
# As long as anybody would wait for it.
LOOK_SECONDS = 20.0
# What the pacer schedules of the account's rate, less what a second's edges cut off.
FULL = 0.96


def seconds_to_full(sends: Sequence[Send], back_at: float, rate: float) -> float:
    """When the first second of the full rate begins, counted from `back_at` (monotonic clock)."""
    moments = sorted(send.monotonic for send in sends if send.monotonic >= back_at)
    wanted = math.floor(FULL * rate)
    for first, last in zip(moments, moments[wanted - 1 :], strict=False):
        if last - first <= 1.0:
            return first - back_at
    return math.inf


def recoveries(
    installation: Installation, rate: float, away_seconds: float, rounds: int
) -> Iterator[float]:
    """Crash PostgreSQL so many times, and tell each time how soon the rate was back."""
    postgres = installation.postgres
    if postgres is None:
        raise SystemExit(
            "PostgreSQL of somebody else is not crashed: unset MAILSLUICE_DATABASE_URL."
        )
    for _ in range(rounds):
        wait(WARM_UP_SECONDS)
        postgres.stop(immediately=True)
        wait(away_seconds)
        postgres.start()
        back_at = time.monotonic()
        wait(LOOK_SECONDS)
        yield seconds_to_full(installation.control.sends(), back_at, rate)


def measure(rate: float, workers: int, away_seconds: float, rounds: int) -> list[float]:
    """One constellation, in an installation of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory,
        Installation(Path(directory)) as installation,
    ):
        installation.control.ses(max_send_rate=rate, latency_seconds=0.05, max_24_hour_send=-1)
        seconds = rounds * (WARM_UP_SECONDS + LOOK_SECONDS + 2) + 10
        enqueue(installation, int(rate * seconds))
        processes = [
            installation.launch(name, ["mailsluice", name])
            for name in ["scheduler", *["worker"] * workers]
        ]
        for process in processes:
            process.wait_until_healthy()
        found = list(recoveries(installation, rate, away_seconds, rounds))
        for process in processes:
            process.kill()
    return found


def enqueue(installation: Installation, count: int) -> None:
    """Put a backlog on SQS."""
    messages = (
        Message(to=f"reader{n}@example.com", subject="Hello", text="Hi", stream="marketing")
        for n in range(count)
    )
    Mailsluice(sqs_client=installation.sqs).send_many(messages)


def wait(seconds: float) -> None:
    """Let the processes work."""
    threading.Event().wait(seconds)


def main() -> None:
    """Print a table, a row for each time that PostgreSQL is away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--away", type=float, nargs="+", default=[1, 5, 20])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    table = Table("away", "full rate after, each round")
    for away in arguments.away:
        found = measure(arguments.rate, arguments.workers, away, arguments.rounds)
        table.add_row(f"{away:g} s", ", ".join(f"{seconds:.1f} s" for seconds in found))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
