"""A Celery worker over our transport, for tests: run as a process, told what to do by TEST_WORKER.

Writes what happens as JSON lines that begin with "@" on its standard output.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from celery import Celery, signals

from worker.transport import TransportOptions, celery_settings, give_back, received

told: dict[str, Any] = json.loads(os.environ["TEST_WORKER"])


def tell(event: str, **what: object) -> None:
    os.write(sys.__stdout__.fileno(), f"@{json.dumps({'event': event, **what})}\n".encode())


def quick_client() -> Any:
    """Gives up on an answer soon, so that tests of hanging calls are short."""
    config = Config(
        connect_timeout=1,
        read_timeout=told["read_timeout_seconds"],
        retries={"total_max_attempts": 1},
        max_pool_connections=32,
    )
    return boto3.session.Session().client("sqs", config=config)


def may_receive(queue: str) -> bool:
    tell("asked", queue=queue)
    return not Path(told["shut_while_exists"]).exists()


options = TransportOptions(
    queues=told["queues"],
    known_tasks=frozenset({"note", "hold", "fail", "exit", "later", "again"}),
    make_sqs_client=quick_client if "read_timeout_seconds" in told else None,
    may_receive=may_receive if "shut_while_exists" in told else None,
    on_refused=lambda _, message, reason: tell("refused", id=message["MessageId"], reason=reason),
    **told["options"],
)
app = Celery("transport_worker")
app.conf.update(
    celery_settings(
        options,
        concurrency=told["concurrency"],
        prefetch_multiplier=told.get("prefetch_multiplier", 2),
    ),
    worker_redirect_stdouts=False,
)
released = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1}))


@app.task(name="note", bind=True)
def note(self: Any, text: str) -> None:
    """Says that it ran."""
    where = received(self.request)
    tell("ran", text=text, queue=where.queue, receives=where.receive_count)


@app.task(name="hold")
def hold(text: str) -> None:
    """Runs until a message lies in the release queue."""
    tell("started", text=text)
    while not (
        messages := released.receive_message(
            QueueUrl=told["release_url"], WaitTimeSeconds=20, MaxNumberOfMessages=1
        ).get("Messages")
    ):
        pass
    released.delete_message(
        QueueUrl=told["release_url"], ReceiptHandle=messages[0]["ReceiptHandle"]
    )
    tell("finished", text=text)


@app.task(name="fail", bind=True)
def fail(self: Any, text: str) -> None:
    """Fails."""
    tell("ran", text=text, receives=received(self.request).receive_count)
    raise ValueError("as told")


@app.task(name="exit", bind=True)
def exit_(self: Any, text: str) -> None:
    """Does what a library should not."""
    tell("ran", text=text, receives=received(self.request).receive_count)
    raise SystemExit(3) if text == "exits" else MemoryError


@app.task(name="later", bind=True)
def later(self: Any, text: str, after_seconds: float) -> None:
    """Has itself shown again at its first receive."""
    count = received(self.request).receive_count
    tell("ran", text=text, receives=count)
    if count == 1:
        give_back(self.request, after_seconds)


@app.task(name="again", bind=True)
def again(self: Any, text: str) -> None:
    """Uses Celery's own retry, which sends a new message."""
    tell("ran", text=text, retries=self.request.retries)
    if not self.request.retries:
        raise self.retry(countdown=0)


@signals.after_setup_logger.connect
def _quieten(**_: Any) -> None:
    for name in told.get("quiet", []):
        logging.getLogger(name).setLevel("INFO")


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    tell("ready")


if __name__ == "__main__":
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={told['concurrency']}",
            f"--loglevel={told.get('log_level', 'INFO')}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
