#!/usr/bin/env python3
"""How exactly the account's rate is used: worker processes against the sandbox's SES.

Puts a backlog on SQS, starts so many workers, and holds every accepted send against the rate: the
share of it that was used, the densest second (a window that slides over all sends), and what SES
refused for its rate. With `--urgent` transactional mail is enqueued now and then while marketing
fills the rate, and the time from enqueueing to SES's yes is told.

    python bench/pacing.py --rate 14 100 500 --workers 1 2 8 --seconds 20
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from config.tags import MESSAGE_ID_TAG
from mailsluice import Mailsluice, Message
from sandbox.chaos.rates import densest_second
from sandbox.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.aws.truth import Send
    from sandbox.processes import Process

# What comes once every worker has been up for so long is the steady state.
WARM_UP_SECONDS = 3.0
COLUMNS = ("rate", "workers", "used", "densest second", "429", "p50", "p99", "CPU ms", "load")


@dataclass(frozen=True)
class Run:
    """One constellation, and what came of it."""

    rate: float
    workers: int
    sends: Sequence[Send]
    refused: int
    latencies_seconds: Sequence[float]
    cpu_seconds: float
    seconds: float

    def row(self) -> list[str]:
        used = len(self.sends) / self.seconds / self.rate
        return [
            f"{self.rate:g}",
            str(self.workers),
            f"{used:.1%}",
            str(densest_second(self.sends)),
            str(self.refused),
            *(f"{1000 * _quantile(self.latencies_seconds, q):.0f} ms" for q in (0.5, 0.99)),
            f"{1000 * self.cpu_seconds / len(self.sends):.2f}",
            f"{os.getloadavg()[0]:.1f}",
        ]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure(
    installation: Installation, rate: float, workers: int, seconds: float, *, urgent: bool
) -> Run:
    """Run one constellation from an empty account."""
    control = installation.control
    refused = control.calls().get("ses.SendEmail", {}).get("429", 0)
    control.ses(max_send_rate=rate, latency_seconds=0.05, max_24_hour_send=-1)
    _enqueue_backlog(installation, int(rate * (seconds + 15 + 2 * workers)))
    scheduler = installation.start("scheduler")
    team = [installation.launch("worker", ["mailsluice", "worker"]) for _ in range(workers)]
    for process in team:
        process.wait_until_healthy()
    _wait(WARM_UP_SECONDS)
    began = time.time()
    cpu = sum(map(_cpu_seconds, team))
    asked = _ask_urgently(installation, seconds) if urgent else _wait(seconds)
    cpu = sum(map(_cpu_seconds, team)) - cpu
    # The simulator is asked afterwards only: to answer keeps it from taking mail for a while.
    ended = time.time()
    sends = [send for send in control.sends() if began <= send.accepted_at < ended]
    refused = control.calls().get("ses.SendEmail", {}).get("429", 0) - refused
    for process in [*team, scheduler]:
        process.kill()
    accepted = {send.tags[MESSAGE_ID_TAG]: send.accepted_at for send in control.sends()}
    latencies = [accepted[each] - at for each, at in asked.items() if each in accepted]
    return Run(rate, workers, sends, refused, latencies, cpu, ended - began)


def _enqueue_backlog(installation: Installation, count: int) -> None:
    messages = (
        Message(to=f"reader{n}@example.com", subject="Hello", text="Hi", stream="marketing")
        for n in range(count)
    )
    Mailsluice(sqs_client=installation.sqs).send_many(messages)


def _ask_urgently(installation: Installation, seconds: float) -> dict[str, float]:
    queue = Mailsluice(sqs_client=installation.sqs)
    ends_at = time.monotonic() + seconds
    asked = {}
    while time.monotonic() < ends_at:
        message = Message(to="ada@example.com", subject="Reset", text="x", stream="transactional")
        at = time.time()
        asked[str(queue.send(message))] = at
        threading.Event().wait(0.1)
    return asked


def _wait(seconds: float) -> dict[str, float]:
    threading.Event().wait(seconds)
    return {}


def _cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def runs(arguments: argparse.Namespace) -> Iterator[Run]:
    """Every constellation, each in an installation of its own."""
    for rate in arguments.rate:
        for workers in arguments.workers:
            with (
                tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory,
                Installation(Path(directory)) as installation,
            ):
                yield measure(
                    installation, rate, workers, arguments.seconds, urgent=arguments.urgent
                )


def main() -> None:
    """Print a table, a row a constellation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, nargs="+", default=[14, 100, 500])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--urgent", action="store_true")
    table = Table(*COLUMNS)
    for run in runs(parser.parse_args()):
        table.add_row(*run.row())
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
