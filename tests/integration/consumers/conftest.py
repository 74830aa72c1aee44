"""An event queue on the simulator, events to put on it, and a loop in a thread that drains it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from config import aws
from config.health import Progress
from config.settings import load_settings
from consumers.draining import Drainage, Tools
from consumers.metrics import Metrics
from consumers.queues import find_queue, find_queues
from db.claims import Candidate, Claimed, claim
from db.engine import connect
from db.ledger import Held, record_sent
from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Engine

    from config.settings import Settings
    from consumers.queues import EventQueue
    from sandbox.aws.control import Control

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
VISIBILITY_SECONDS = 2


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def control(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    """An account with nothing in it, where this test's clients go."""
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", simulator.endpoint_url)
    return simulator.control


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Short time-outs, so that a hanging call is given up while a test watches."""
    return load_settings(
        database_url=database_url,
        receive_wait_seconds=1,
        sqs_counts_lag_seconds=1,
        sqs_read_timeout_seconds=1.5,
        database_connect_timeout_seconds=1,
    )


class Mailbox:
    """The event queue as SNS sees it."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.events_queue_name
        self._sqs = aws.sqs(settings)
        dead = self._sqs.create_queue(QueueName=f"{self.name}-dlq")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": "10"}
        self._url = self._sqs.create_queue(
            QueueName=self.name,
            Attributes={
                "VisibilityTimeout": str(VISIBILITY_SECONDS),
                "RedrivePolicy": json.dumps(policy),
            },
        )["QueueUrl"]
        self._dead_letters_url = dead

    def put(self, bodies: Iterable[object]) -> None:
        """Put events on the queue; what is no text becomes JSON."""
        written = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for start in range(0, len(written), 10):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(written[start : start + 10])
            ]
            self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)

    def put_dead_letter(self, body: object) -> None:
        """As SQS does with what was received too often."""
        self._sqs.send_message(QueueUrl=self._dead_letters_url, MessageBody=json.dumps(body))

    def take_one(self) -> str:
        """Receive a message and keep it in hand; answers its receipt handle."""
        answer = self._sqs.receive_message(QueueUrl=self._url, VisibilityTimeout=60)
        return answer["Messages"][0]["ReceiptHandle"]


@pytest.fixture
def mailbox(control: Control, settings: Settings) -> Mailbox:
    return Mailbox(settings)


@pytest.fixture
def event_queue(settings: Settings, mailbox: Mailbox) -> Iterator[EventQueue]:
    """The queue as a consumer sees it."""
    found = find_queue(settings, settings.events_queue_name)
    yield found
    found.close()


@dataclass
class Sent:
    """A message in the ledger that SES took, and what SES says of it."""

    message_id: UUID
    ses_message_id: str
    address: str

    def event(self, name: str) -> dict[str, Any]:
        """The sample event of this name, about this message."""
        text = (EVENTS / f"{name}.json").read_text()
        sample = json.loads(text)
        body: dict[str, Any] = json.loads(
            text.replace(sample["mail"]["messageId"], self.ses_message_id)
            .replace("7d9f2c1e-6f0a-4c0e-9d5b-2a8f3b1c4e55", str(self.message_id))
            .replace("0102018f3c2a", self.ses_message_id)
            .replace("ada@example.com", self.address)
        )
        return body

    def in_sns(self, name: str) -> dict[str, Any]:
        """The same as SNS delivers it."""
        inner = json.dumps(self.event(name)) + "\n"
        stamp = "2026-03-01T12:00:04.000Z"
        return {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": "arn:aws:sns:eu-west-1:000000000000:mailsluice-events",
            "Timestamp": stamp,
            "Message": inner,
        }


@pytest.fixture
def send(engine: Engine) -> Callable[[], Sent]:
    """Writes a message down as sent."""

    def write() -> Sent:
        message_id = uuid4()
        sent = Sent(message_id, f"ses-{message_id}", f"{message_id}@example.com")
        candidate = Candidate(
            id=message_id, stream="marketing", recipients=[sent.address], payload={}
        )
        won = claim(engine, candidate, lease_seconds=60, grace_seconds=300)
        assert isinstance(won, Claimed)
        record_sent(engine, Held(message_id, won.attempt), ses_message_id=sent.ses_message_id)
        return sent

    return write


@dataclass
class Drain:
    """The events loop in a thread."""

    settings: Settings
    control: Control
    mailbox: Mailbox
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    progress: Progress = field(default_factory=Progress)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _engine: Engine | None = None
    _queues: list[EventQueue] = field(default_factory=list)
    _drainage: Drainage | None = None

    def start(self) -> Drain:
        self._engine = connect(self.settings)
        metrics = Metrics(self.registry, "ns")
        self._queues = find_queues(self.settings)
        tools = Tools(self.settings, self._engine, metrics, self.progress, self._stopping)
        self._drainage = Drainage(self._queues, tools)
        self._drainage.start()
        return self

    def until_empty(self, timeout_seconds: float = 20) -> Drain:
        """Wait until nothing is on the queue, nor in anybody's hands."""
        empty = f"queue_empty:{self.settings.events_queue_name}"
        self.control.wait_for(empty, timeout_seconds=timeout_seconds)
        return self

    def until_counted(self, metric: str, least: float, **labels: str) -> Drain:
        """Wait until a metric has reached a value."""
        wait_until(lambda: self.count(metric, **labels) >= least)
        return self

    def stop(self) -> bool:
        """Whether all threads ended in their grace time."""
        if self._drainage is None or self._engine is None:
            return True
        self._stopping.set()
        ended = self._drainage.finish(time.monotonic())
        for thread in self._drainage.threads:
            thread.join()
        self._engine.dispose()
        for queue in self._queues:
            queue.close()
        self._drainage = None
        return ended

    def count(self, metric: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"ns_{metric}", labels) or 0


@pytest.fixture
def drain(settings: Settings, control: Control, mailbox: Mailbox) -> Iterator[Drain]:
    """Not started yet; stopped at the end."""
    made = Drain(settings, control, mailbox)
    yield made
    made.stop()


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
    """Ask again and again until it is so."""
    paused = threading.Event()
    deadline = threading.Event()
    timer = threading.Timer(timeout_seconds, deadline.set)
    timer.start()
    try:
        while not condition():
            assert not deadline.is_set(), "waited in vain"
            paused.wait(0.01)
    finally:
        timer.cancel()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds."""
    return wait_until


@pytest.fixture
def samples() -> Callable[[str], dict[str, Any]]:
    """A sample event by its name, as it is."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())
