#!/usr/bin/env python3
"""What a `SendEmail` costs a worker process: boto3's client against `worker.ses.post.SesPost`.

Both send the same message to the sandbox's simulator, which runs as a process of its own, from
one process with more and more threads. With a latency of 50 ms no client can do better than
20 sends a second and thread. CPU is that of this process, user and system, per send.

    python bench/ses_post.py --threads 1 8 32 --seconds 5
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from config import aws
from config.settings import Settings, load_settings
from config.streams import Stream
from mailsluice import Message
from sandbox.aws.control import Control
from worker.ses import request as ses_request
from worker.ses.post import SesPost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Send = Callable[[], object]

REGION = "eu-west-1"
WARM_UP_SENDS = 3


@dataclass(frozen=True)
class Measured:
    """One run of one client."""

    client: str
    threads: int
    sends: int
    seconds: float
    cpu_seconds: float
    load: float

    def row(self, latency_seconds: float) -> list[str]:
        rate = self.sends / self.seconds
        share = f"{rate * latency_seconds / self.threads:.2f}" if latency_seconds else "-"
        cpu_ms = 1000 * self.cpu_seconds / max(self.sends, 1)
        columns = [f"{rate:,.0f}", share, f"{cpu_ms:.3f}", f"{self.load:.1f}"]
        return [str(self.threads), self.client, *columns]


def main() -> None:
    """Measure, and print one table."""
    options = _options()
    table = Table(
        "threads", "client", "sends/s", "of the possible", "CPU ms per send", "load before"
    )
    with _simulator(options.latency_ms / 1000) as endpoint_url:
        settings = _settings(endpoint_url, max(options.threads))
        sends = _sends(settings, options.body_bytes)
        for threads in options.threads:
            for name in options.clients:
                measured = _measure(name, sends[name], threads, options.seconds)
                table.add_row(*measured.row(options.latency_ms / 1000))
    Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--clients", nargs="+", default=["boto3", "ours"])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--latency-ms", type=float, default=50.0, help="of the simulated SES")
    parser.add_argument("--body-bytes", type=int, default=10_000, help="of text and HTML together")
    return parser.parse_args()


@contextmanager
def _simulator(latency_seconds: float) -> Iterator[str]:
    """The simulator as a process, with an account that refuses nothing."""
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own
    try:
        endpoint_url = process.stdout.readline().split()[-1] if process.stdout else ""
        with Control(endpoint_url) as control:
            control.ses(
                max_send_rate=1e6,
                max_24_hour_send=-1.0,
                strict_identities=False,
                latency_seconds=latency_seconds,
            )
        yield endpoint_url
    finally:
        process.terminate()
        process.communicate()


def _settings(endpoint_url: str, threads: int) -> Settings:
    os.environ |= {
        "AWS_ENDPOINT_URL_SESV2": endpoint_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    return load_settings(aws_region=REGION, concurrency=threads)


def _sends(settings: Settings, body_bytes: int) -> dict[str, Send]:
    boto3_client: Any = aws.ses_sender(settings)
    ours = SesPost(aws.ses_sender(settings), settings)
    request = _request(body_bytes)
    return {
        "boto3": lambda: boto3_client.send_email(**request),
        "ours": lambda: ours.send_email(**request),
    }


def _request(body_bytes: int) -> dict[str, Any]:
    message = Message(
        id=uuid.uuid4(),
        to="ada@example.com",
        subject="Your receipt",
        text="x" * (body_bytes // 2),
        html="y" * (body_bytes // 2),
    )
    stream = Stream(name="transactional", queue="transactional")
    return ses_request.build(message, stream, sender="me@example.com", blocked=frozenset())


def _measure(name: str, send: Send, threads: int, seconds: float) -> Measured:
    sends = [0] * threads
    ready, stop = threading.Barrier(threads + 1), threading.Event()

    def run(number: int) -> None:
        for _ in range(WARM_UP_SENDS):
            send()
        ready.wait()
        while not stop.is_set():
            send()
            sends[number] += 1

    load = os.getloadavg()[0]
    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    ready.wait()
    began, cpu_began = time.monotonic(), _cpu_seconds()
    time.sleep(seconds)
    done, took, cpu = sum(sends), time.monotonic() - began, _cpu_seconds() - cpu_began
    stop.set()
    for thread in running:
        thread.join()
    return Measured(name, threads, done, took, cpu, load)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
