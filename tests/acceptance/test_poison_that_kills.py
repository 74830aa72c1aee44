"""A message that kills whoever takes it is found out and kept; no other is harmed or suspected."""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Self

import pytest
from sqlalchemy import text

from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.installation import Installation
    from sandbox.processes import Process
    from sandbox.watch import Watch

QUEUE = "mailsluice-transactional"
HEALTHY = 200
WORKER = ["mailsluice", "worker", "--streams", "transactional", "--concurrency", "8"]
QUICK = {
    "MAILSLUICE_SES_READ_TIMEOUT_SECONDS": "1",
    "MAILSLUICE_CONNECT_TIMEOUT_SECONDS": "0.5",
    "MAILSLUICE_LEASE_SECONDS": "5",
    "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS": "7",
    "MAILSLUICE_RECORD_TIMEOUT_SECONDS": "1",
    "MAILSLUICE_UNKNOWN_GRACE_SECONDS": "4",
    "MAILSLUICE_SETTLE_INTERVAL_SECONDS": "1",
    "MAILSLUICE_SQS_COUNTS_LAG_SECONDS": "1",
    "MAILSLUICE_RECEIVE_WAIT_SECONDS": "1",
}


class Keeper:
    """Starts the worker anew whenever it has died, as every supervisor does."""

    def __init__(self, installation: Installation, **environment: str) -> None:
        self._installation = installation
        self._environment = environment
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.deaths = 0
        self.worker = self._launch()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.worker.stop()

    def _launch(self) -> Process:
        return self._installation.launch("worker", WORKER, **QUICK, **self._environment)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if not self.worker.is_running:
                self.deaths += 1
                self.worker = self._launch()


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Installation]:
    url = installation.sqs.get_queue_url(QueueName="mailsluice-events")["QueueUrl"]
    installation.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    installation.control.ses(max_send_rate=200.0)
    receives_at_most(installation, 5)
    for name in ("scheduler", "events"):
        installation.start(name, **QUICK)
    return installation


@pytest.mark.timeout(240)
def test_a_message_that_kills_is_kept_and_all_the_others_are_accepted_once(
    running: Installation, watch: Watch
) -> None:
    queue = Mailsluice(sqs_client=running.sqs)
    poison = Message(id=uuid.uuid4(), to="ada@example.com", subject="Hello", text="Hi")
    healthy = [
        Message(id=uuid.uuid4(), to=f"reader{number}@example.com", subject="Hello", text="Hi")
        for number in range(HEALTHY)
    ]
    queue.send_many([*healthy[:20], poison, *healthy[20:]])
    with Keeper(running, MAILSLUICE_FAILPOINTS=f"before_claim=kill#{poison.id}") as keeper:
        until(
            lambda: letters_with(running, poison.id),
            "the poison is in the dead-letter queue",
            timeout_seconds=200,
        )
        for message in healthy:
            watch.reaches(message.id, "delivered", timeout_seconds=60)
        assert keeper.deaths == 3
    assert [len(watch.accepted(message.id)) for message in healthy] == [1] * HEALTHY
    assert watch.accepted(poison.id) == []
    [letter] = letters_with(running, poison.id)
    assert refusals(watch) == {letter["message_id"]: "It was in hand three times"}
    assert "It was in hand three times" in shown(running)

    redrive(running)
    with Keeper(running) as keeper:
        watch.reaches(poison.id, "delivered", timeout_seconds=60)
        assert keeper.deaths == 0
    assert len(watch.accepted(poison.id)) == 1
    with watch.engine.begin() as connection:
        connection.execute(text("DELETE FROM refused_messages"))


def receives_at_most(installation: Installation, count: int) -> None:
    """As few as a worker accepts, so that a condemned message is soon where it goes."""
    url = installation.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    found = installation.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(found["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": str(count)}
    installation.sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)}
    )


def letters_with(running: Installation, message_id: object) -> list[dict[str, str]]:
    lying = running.control.queue(f"{QUEUE}-dlq")["messages"]
    return [letter for letter in lying if str(message_id) in letter["body"]]


def refusals(watch: Watch) -> dict[str, str]:
    with watch.engine.begin() as connection:
        rows = connection.execute(text("SELECT sqs_message_id, reason FROM refused_messages"))
        return {row.sqs_message_id: " ".join(row.reason.split()[:6]) for row in rows}


def shown(running: Installation) -> str:
    process = running.launch("show", ["mailsluice", "dlq", "show", "transactional", "--json"])
    assert process.wait() == 0
    return process.log_path.read_text()


def redrive(running: Installation) -> None:
    command = ["mailsluice", "dlq", "redrive", "transactional", "--wait"]
    running.run("redrive", command)
