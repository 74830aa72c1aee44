"""A stand-in for the SQS client, for what no server can be made to answer at will."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "http://sqs.test/000000000000/"


class FakeSqs:
    """Keeps what it is sent; `answers` are taken first, each an exception or a function."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.missing: set[str] = set()
        self.lookups: list[str] = []
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self.kept: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    @staticmethod
    def error(code: str, status: int = 400) -> ClientError:
        """What boto3 raises for an error answer of SQS."""
        answer: Any = {
            "Error": {"Code": code, "Message": "as told"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return ClientError(answer, "SendMessageBatch")

    @staticmethod
    def refusing(body_part: str, *, sender_fault: bool) -> Callable[[list[Any]], list[Any]]:
        """An answer that refuses the entries with this in their body."""

        def answer(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [
                {"Id": entry["Id"], "Code": "Refused", "Message": "", "SenderFault": sender_fault}
                for entry in entries
                if body_part in entry["MessageBody"]
            ]

        return answer

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803  boto3's names
        self.lookups.append(QueueName)
        if QueueName in self.missing:
            raise self.error("AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": URL + QueueName}

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        with self._lock:
            self.calls.append((QueueUrl, Entries))
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, Exception):
                raise answer
            failed = answer(Entries) if answer else []
            lost = {entry["Id"] for entry in failed}
            passed = [entry for entry in Entries if entry["Id"] not in lost]
            self.kept.extend(passed)
            return {"Successful": [{"Id": entry["Id"]} for entry in passed], "Failed": failed}


@pytest.fixture
def sqs() -> FakeSqs:
    return FakeSqs()
