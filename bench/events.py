#!/usr/bin/env python3
"""What an event of SES costs: read and applied, in batches, against the real PostgreSQL.

Everything but SQS: the texts are understood and applied as the pollers do, in one thread. Told are
events per second, and the CPU that an event costs here and in the server.

Neighbours on the host change the figures by half: compare two states in turns, several times.

    python bench/events.py --events 20000 --batch 100 500
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from config.settings import load_settings
from config.tags import MESSAGE_ID_TAG, STREAM_TAG
from consumers.batches import apply_apart, understand
from consumers.in_hand import BATCH_MESSAGES
from consumers.queues import QueueMessage
from db.engine import connect
from db.migrate import migrate
from sandbox.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

COLUMNS = ("mail", "batch", "events/s", "reading, CPU us", "applying, CPU us", "server, CPU us")
NOW = datetime.now(UTC)
WRITTEN = NOW.isoformat()

_LEDGER = text("""
WITH ids AS (SELECT unnest(CAST(:ids AS uuid[])) AS id), messages AS (
    INSERT INTO email_messages (id, stream, state, attempt, ses_message_id, sent_at)
    SELECT id, 'marketing', 'sent', 1, 'ses-' || id, now() FROM ids
)
INSERT INTO email_recipients (message_id, address, state)
SELECT id, 'reader-' || id || '@example.com', 'sent' FROM ids
""")


@dataclass(frozen=True)
class Run:
    """One kind of mail in batches of one size."""

    mail: str
    batch: int
    events: int
    seconds: float
    reading_seconds: float
    applying_seconds: float
    server_seconds: float

    def row(self) -> list[str]:
        costs = (self.reading_seconds, self.applying_seconds, self.server_seconds)
        each = [f"{1e6 * cost / self.events:.0f}" for cost in costs]
        return [self.mail, str(self.batch), f"{self.events / self.seconds:.0f}", *each]


def delivery(message_id: UUID) -> dict[str, Any]:
    """The recipient's server took it."""
    details = {
        "timestamp": WRITTEN,
        "processingTimeMillis": 831,
        "recipients": [address(message_id)],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "mta.example.com",
    }
    return {"eventType": "Delivery", "delivery": details}


def send(_message_id: UUID) -> dict[str, Any]:
    """SES took it."""
    return {"eventType": "Send", "send": {}}


def soft_bounce(message_id: UUID) -> dict[str, Any]:
    """A mailbox that is full."""
    return _bounce(message_id, "Transient", "MailboxFull", "4.2.2")


def hard_bounce(message_id: UUID) -> dict[str, Any]:
    """A mailbox that is not there."""
    return _bounce(message_id, "Permanent", "General", "5.1.1")


def complaint(message_id: UUID) -> dict[str, Any]:
    """Somebody calls it spam."""
    details = {
        "feedbackId": f"feedback-{uuid4()}",
        "complaintFeedbackType": "abuse",
        "complainedRecipients": [{"emailAddress": address(message_id)}],
        "timestamp": WRITTEN,
    }
    return {"eventType": "Complaint", "complaint": details}


def _bounce(message_id: UUID, kind: str, subkind: str, status: str) -> dict[str, Any]:
    recipient = {"emailAddress": address(message_id), "action": "failed", "status": status}
    details = {
        "feedbackId": f"feedback-{uuid4()}",
        "bounceType": kind,
        "bounceSubType": subkind,
        "bouncedRecipients": [recipient],
        "timestamp": WRITTEN,
        "reportingMTA": "dns; mta.example.com",
    }
    return {"eventType": "Bounce", "bounce": details}


# Of twenty events; far more bounces than SES would suffer.
MAILS: dict[str, Sequence[Callable[[UUID], dict[str, Any]]]] = {
    "deliveries": [delivery],
    "mixed": [*[delivery] * 9, *[send] * 8, soft_bounce, hard_bounce, complaint],
}


def address(message_id: UUID) -> str:
    """Everybody gets one message."""
    return f"reader-{message_id}@example.com"


def message(message_id: UUID, details: dict[str, Any]) -> QueueMessage:
    """The event as SNS puts it on the queue, delivered raw."""
    mail = {
        "timestamp": WRITTEN,
        "source": "shop@example.com",
        "sendingAccountId": "000000000000",
        "messageId": f"ses-{message_id}",
        "destination": [address(message_id)],
        "headersTruncated": False,
        "headers": [{"name": "From", "value": "shop@example.com"}] * 6,
        "commonHeaders": {"from": ["shop@example.com"], "subject": "Your order"},
        "tags": {MESSAGE_ID_TAG: [str(message_id)], STREAM_TAG: ["marketing"]},
    }
    body = json.dumps({**details, "mail": mail})
    return QueueMessage(str(uuid4()), str(uuid4()), body, NOW)


def measure(engine: Engine, mail: str, batch: int, events: int) -> Run:
    """Apply so many events, each about a message of its own."""
    ids = [uuid4() for _ in range(events)]
    with engine.begin() as connection:
        connection.execute(_LEDGER, {"ids": ids})
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    kinds = MAILS[mail]
    queue = [message(each, kinds[n % len(kinds)](each)) for n, each in enumerate(ids)]
    # A consumer holds one batch at a time.
    gc.freeze()
    applied: deque[object] = deque(maxlen=1)
    reading, server, began = 0.0, _cpu_seconds(pid), time.perf_counter()
    cpu = time.process_time()
    for first in range(0, events, batch):
        messages = queue[first : first + batch]
        begins = time.process_time()
        understood = understand(messages)
        reading += time.process_time() - begins
        apply_apart(engine, understood.events, applied.append)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Run(mail, batch, events, seconds, reading, cpu - reading, _cpu_seconds(pid) - server)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def runs(engine: Engine, arguments: argparse.Namespace) -> Iterator[Run]:
    """Every kind of mail in every size of batch, in one growing ledger."""
    for mail in arguments.mail:
        for batch in arguments.batch:
            yield measure(engine, mail, batch, arguments.events)


def main() -> None:
    """Print a table, a row a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail", nargs="+", choices=MAILS, default=list(MAILS))
    parser.add_argument("--batch", type=int, nargs="+", default=[BATCH_MESSAGES])
    parser.add_argument("--events", type=int, default=10_000)
    arguments, table = parser.parse_args(), Table(*COLUMNS)
    with tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory:
        server = PostgresServer(Path(directory) / "data").start()
        engine = connect(load_settings(database_url=server.url(), database_pool_size=1))
        migrate(engine)
        for run in runs(engine, arguments):
            table.add_row(*run.row())
        engine.dispose()
        server.stop(immediately=True)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
