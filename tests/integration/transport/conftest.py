"""The AWS simulator with queues, and real Celery workers over the transport as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKER = Path(__file__).with_name("transport_worker.py")
WAIT_AT_MOST_SECONDS = 20.0
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def task_message(task: str, *args: object, **changes: object) -> dict[str, Any]:
    """What a producer without Celery sends."""
    message = {
        "body": json.dumps([args, {}, {}]),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": task, "id": str(uuid4())},
        "properties": {},
    }
    message.update(changes)
    return message


class Sqs:
    """The simulator, and its queues as producers and operators see them."""

    def __init__(self, simulator: SimulatorThread) -> None:
        self.endpoint_url = simulator.endpoint_url
        self.control = simulator.control
        self.client = boto3.client(
            "sqs",
            endpoint_url=simulator.endpoint_url,
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def create(self, name: str, max_receives: int | None = None) -> str:
        """A queue's URL; with `max_receives` it has a dead-letter queue `NAME-dlq`."""
        attributes = {"VisibilityTimeout": "120"}
        if max_receives:
            dead = self.client.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
            arn = self.client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
            attributes["RedrivePolicy"] = json.dumps(
                {
                    "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
                    "maxReceiveCount": max_receives,
                }
            )
        return self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def url(self, name: str) -> str:
        return self.client.get_queue_url(QueueName=name)["QueueUrl"]

    def send(self, name: str, *bodies: object) -> None:
        """Send bodies; what is not a text is written as JSON."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for start in range(0, len(texts), 10):
            entries = [
                {"Id": str(index), "MessageBody": text}
                for index, text in enumerate(texts[start : start + 10])
            ]
            answer = self.client.send_message_batch(QueueUrl=self.url(name), Entries=entries)
            assert not answer.get("Failed")

    def calls(self, action: str) -> int:
        return sum(self.control.calls().get(f"sqs.{action}", {}).values())

    def wait_until_empty(self, name: str) -> None:
        self.control.wait_for(f"queue_empty:{name}", 1, timeout_seconds=WAIT_AT_MOST_SECONDS)

    def wait_for_more(self, action: str, count: int) -> None:
        """Wait until `count` more calls have arrived."""
        self.control.wait_for(
            f"started:sqs.{action}", self.calls(action) + count, WAIT_AT_MOST_SECONDS
        )


class Worker:
    """A worker process. `events` is what it has told so far."""

    def __init__(self, sqs: Sqs, told: dict[str, Any]) -> None:
        self.events: list[dict[str, Any]] = []
        self.output: list[str] = []
        self._told = threading.Condition()
        self.process = subprocess.Popen(  # noqa: S603  our own script
            [sys.executable, str(WORKER)],
            env={
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL_SQS": sqs.endpoint_url,
                "TEST_WORKER": json.dumps(told),
                **ENVIRONMENT,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._told:
                self.output.append(line)
                if line.startswith("@"):
                    self.events.append(json.loads(line[1:]))
                self._told.notify_all()
        with self._told:
            self._told.notify_all()

    def wait_until(self, happened: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until the events are as wanted."""
        with self._told:
            if not self._told.wait_for(lambda: happened(self.events), WAIT_AT_MOST_SECONDS):
                raise AssertionError(f"{self.events}\n{''.join(self.output[-60:])}")

    def wait_for(self, event: str, count: int = 1, **what: object) -> None:
        """Wait until it has happened `count` times."""
        self.wait_until(lambda _: len(self.all(event, **what)) >= count)

    def all(self, event: str, **what: object) -> list[dict[str, Any]]:
        wanted = {"event": event, **what}
        return [told for told in self.events if wanted.items() <= told.items()]

    def texts(self, event: str) -> list[str]:
        return [told["text"] for told in self.all(event)]

    def log(self) -> str:
        return "".join(self.output)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait_for_exit(self) -> tuple[int, float]:
        """The exit code, and how long it took from now."""
        asked = monotonic()
        code = self.process.wait(WAIT_AT_MOST_SECONDS)
        self._reader.join(WAIT_AT_MOST_SECONDS)
        return code, monotonic() - asked

    def stop(self) -> tuple[int, float]:
        self.ask_to_stop()
        return self.wait_for_exit()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(WAIT_AT_MOST_SECONDS)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def sqs() -> Iterator[Sqs]:
    with SimulatorThread() as simulator:
        made = Sqs(simulator)
        yield made
        made.client.close()


@pytest.fixture
def start_worker(sqs: Sqs) -> Iterator[Callable[..., Worker]]:
    """Starts a worker and waits until it is ready."""
    yield from _starting(sqs)


@pytest.fixture(scope="module")
def start_worker_for_all(sqs: Sqs) -> Iterator[Callable[..., Worker]]:
    """The same, for a worker that lives through all tests of a module."""
    yield from _starting(sqs)


def _starting(sqs: Sqs) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(
        *queues: str,
        concurrency: int = 4,
        told: dict[str, Any] | None = None,
        **options: object,
    ) -> Worker:
        worker = Worker(
            sqs,
            {
                "queues": {name: sqs.url(name) for name in queues},
                "concurrency": concurrency,
                "options": options,
                **(told or {}),
            },
        )
        workers.append(worker)
        worker.wait_for("ready")
        return worker

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture(name="task_message", scope="module")
def _task_message() -> Any:
    return task_message
