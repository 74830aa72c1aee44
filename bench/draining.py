#!/usr/bin/env python3
"""How fast `mailsluice events` drains a queue, against the least that such a drain can cost.

Fills the sandbox's queue with events of all kinds and lets one process drain it, three times: the
whole of it; with a database whose work costs nothing (receive, parse, delete); and the floor: a
plain loop of batch receive, JSON, COPY and upsert, batch delete. CPU is that of the process alone:
what it needs for 1,000 events says what one core can do, however busy the others are.

    python bench/draining.py --events 50000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from config import aws
from config.settings import load_settings
from consumers import batches
from consumers.main import run_events
from db.engine import connect
from db.event_types import Applied
from sandbox.installation import Installation
from sandbox.lives import make_lives, put, record
from sandbox.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.processes import Process

WAYS = ("whole", "without database", "floor")
EVENTS_PER_LIFE = 3
FLOOR_BATCH = 500
MESSAGES_PER_CALL = 10
LOOK_SECONDS = 0.5
COLUMNS = (
    "way",
    "events",
    "seconds",
    "events/s",
    "CPU s per 1,000",
    "events/s of one core",
    "load",
)


@dataclass(frozen=True)
class Run:
    """One way of draining, and what it took."""

    way: str
    events: int
    seconds: float
    cpu_seconds: float

    def row(self) -> list[str]:
        return [
            self.way,
            f"{self.events:,}",
            f"{self.seconds:.1f}",
            f"{self.events / self.seconds:,.0f}",
            f"{1000 * self.cpu_seconds / self.events:.3f}",
            f"{self.events / self.cpu_seconds:,.0f}",
            f"{os.getloadavg()[0]:.1f}",
        ]


def measure(installation: Installation, way: str, events: int, environment: dict[str, str]) -> Run:
    """Fill the queue anew, and drain it in this way."""
    count = _fill(installation, events)
    process = _start(installation, way, environment)
    cpu, began = _cpu_seconds(process), time.monotonic()
    _wait_until_empty(installation, process)
    took, cpu = time.monotonic() - began, _cpu_seconds(process) - cpu
    process.kill()
    return Run(way, count, took, cpu)


def _wait_until_empty(installation: Installation, process: Process) -> None:
    queue = f"queue_empty:{installation.settings().events_queue_name}"
    while True:
        if not process.is_running:
            raise ProcessError(process.end_of_log())
        with suppress(TimeoutError):
            installation.control.wait_for(queue, timeout_seconds=LOOK_SECONDS)
            return


def _fill(installation: Installation, events: int) -> int:
    lives = make_lives(events // EVENTS_PER_LIFE)
    engine = connect(installation.settings())
    with engine.begin() as connection:
        for table in ("email_events", "email_recipients", "email_bounces", "email_complaints"):
            connection.execute(text(f"TRUNCATE {table}"))
        connection.execute(text("TRUNCATE email_suppressions"))
        connection.execute(text("DELETE FROM email_messages"))
    record(engine, lives)
    engine.dispose()
    sqs = installation.sqs
    url = sqs.get_queue_url(QueueName=installation.settings().events_queue_name)
    # What AWS wrote when the queue was provisioned is no event.
    _delete(sqs, url["QueueUrl"], _receive(sqs, url["QueueUrl"]))
    bodies = (body for life in lives for body in life.bodies())
    return put(sqs, url["QueueUrl"], bodies)


def _start(installation: Installation, way: str, environment: dict[str, str]) -> Process:
    """A process that has not taken anything yet: its start is not what is measured."""
    control = installation.control
    rule = control.fault("sqs", "ReceiveMessage", "status", status=503)
    command = ["python", __file__, "--as", way]
    process = installation.launch("events", command, **environment)
    tried = control.calls().get("sqs.ReceiveMessage", {}).get("503", 0)
    while control.calls().get("sqs.ReceiveMessage", {}).get("503", 0) <= tried:
        threading.Event().wait(0.05)
    assert rule  # noqa: S101
    control.clear_faults()
    return process


def _cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drain_as(way: str) -> int:
    """In the process that is measured: drain in this way until killed."""
    if way == "floor":
        return _floor()
    if way == "without database":
        batches.apply = lambda _engine, events, *_: Applied(list(events), [], [], [], [])
    return run_events(load_settings())


_STAGE = """
CREATE TEMP TABLE stage AS
SELECT identity, kind, ses_message_id, occurred_at, raw FROM email_events WHERE false
"""
_COPY = "COPY stage (identity, kind, ses_message_id, occurred_at, raw) FROM STDIN"
_UPSERT = """
INSERT INTO email_events (identity, kind, ses_message_id, occurred_at, raw)
SELECT identity, kind, ses_message_id, occurred_at, raw FROM stage
ON CONFLICT (identity) DO NOTHING
"""


def _floor() -> int:
    settings = load_settings()
    sqs, url = _queue(settings)
    engine = connect(settings)
    connection: Any = engine.raw_connection().driver_connection
    connection.execute(_STAGE)
    while True:
        messages = _receive(sqs, url)
        if not messages:
            continue
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE stage")
            with cursor.copy(_COPY) as copy:
                for message in messages:
                    copy.write_row(_floor_row(message))
            cursor.execute(_UPSERT)
        _delete(sqs, url, messages)


def _queue(settings: Any) -> tuple[Any, str]:  # noqa: ANN401  boto3's
    url = aws.sqs(settings).get_queue_url(QueueName=settings.events_queue_name)["QueueUrl"]
    return aws.sqs_receiver(settings), url


def _receive(sqs: Any, url: str) -> list[dict[str, Any]]:  # noqa: ANN401  boto3's
    messages: list[dict[str, Any]] = []
    while len(messages) < FLOOR_BATCH:
        try:
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=MESSAGES_PER_CALL, VisibilityTimeout=60
            )
        except Exception:  # noqa: BLE001  not let in yet
            return messages
        found = answer.get("Messages", [])
        messages += found
        if len(found) < MESSAGES_PER_CALL:
            break
    return messages


def _floor_row(message: dict[str, Any]) -> tuple[object, ...]:
    envelope = json.loads(message["Body"])
    event = json.loads(envelope["Message"])
    mail = event["mail"]
    return (
        message["MessageId"],
        event["eventType"],
        mail["messageId"],
        mail["timestamp"],
        json.dumps(event, separators=(",", ":")),
    )


def _delete(sqs: Any, url: str, messages: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401  boto3's
    for start in range(0, len(messages), MESSAGES_PER_CALL):
        group = messages[start : start + MESSAGES_PER_CALL]
        entries = [
            {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]}
            for number, each in enumerate(group)
        ]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def main() -> None:
    """Print a table, a row a way and round."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="for `events`")
    parser.add_argument("--as", dest="way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        sys.exit(drain_as(options.way))
    table = Table(*COLUMNS)
    environment = dict(each.split("=", 1) for each in options.set)
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory,
        Installation(Path(directory)) as installation,
    ):
        for _ in range(options.rounds):
            for way in options.ways:
                run = measure(installation, way, options.events, environment)
                table.add_row(*run.row())
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
