"""A scripted SQS client, and task messages as producers write them."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from worker.transport import TransportOptions

QUEUE = "mail"
URL = "http://sqs.test/000000000000/mail"


class ScriptedSqs:
    """Stands for a boto3 client: keeps the calls, answers or raises what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script: list[Any] = []
        self.changed = threading.Condition()

    def __getattr__(self, name: str) -> Any:
        return lambda **parameters: self._call(name, parameters)

    def _call(self, name: str, parameters: dict[str, Any]) -> Any:
        with self.changed:
            self.calls.append((name, parameters))
            answer = self.script.pop(0) if self.script else {}
            self.changed.notify_all()
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for_calls(self, count: int, timeout_seconds: float = 5.0) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.calls) >= count, timeout_seconds):
                raise AssertionError(f"{len(self.calls)} calls, not {count}: {self.calls}")

    def receipts(self, name: str) -> list[list[str]]:
        """The receipts of each batch call of that name."""
        return [
            [entry["ReceiptHandle"] for entry in parameters["Entries"]]
            for called, parameters in self.calls
            if called == name
        ]


@pytest.fixture
def sqs() -> ScriptedSqs:
    return ScriptedSqs()


@pytest.fixture
def options() -> TransportOptions:
    return TransportOptions(queues={QUEUE: URL})


def task_message(**changes: Any) -> dict[str, Any]:
    """A well-formed message; `changes` replace its parts, None takes a part away."""
    message: dict[str, Any] = {
        "body": json.dumps([["a"], {"k": 1}, {}]),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "mail.send", "id": "0b1f"},
        "properties": {"delivery_info": {"routing_key": "other"}, "delivery_tag": "t"},
    }
    message.update(changes)
    return {name: part for name, part in message.items() if part is not None}


@pytest.fixture(name="task_message")
def _task_message() -> Any:
    return task_message


@pytest.fixture
def sqs_message() -> Any:
    """Makes one entry of a ReceiveMessage answer."""

    def make(receipt: str, body: str | None = None) -> dict[str, Any]:
        return {
            "MessageId": f"id-{receipt}",
            "ReceiptHandle": receipt,
            "Body": json.dumps(task_message()) if body is None else body,
            "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000500"},
        }

    return make
