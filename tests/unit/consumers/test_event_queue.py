"""The queue is called in tens, and every entry of a batch answers for itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from consumers.queues import EventQueue, QueueMessage


class Sqs:
    """Answers as SQS does when it cannot delete some entries of a batch."""

    def __init__(self, *undeletable: str) -> None:
        self.undeletable = set(undeletable)
        self.batches: list[list[dict[str, Any]]] = []

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  boto3's names
        self.batches.append(Entries)
        failed = [each for each in Entries if each["ReceiptHandle"] in self.undeletable]
        return {"Failed": [{"Id": each["Id"], "Code": "InternalError"} for each in failed]}

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {
            "Messages": [
                {
                    "MessageId": "id",
                    "ReceiptHandle": "receipt",
                    "Body": "{}",
                    "Attributes": {"SentTimestamp": "1772366401903"},
                },
                {"MessageId": "id-2", "ReceiptHandle": "receipt-2"},
            ]
        }


def queue(sqs: Sqs) -> EventQueue:
    return EventQueue(
        sqs,  # type: ignore[arg-type]
        "events",
        "http://127.0.0.1/events",
        hidden_seconds=60,
    )


def messages(count: int) -> list[QueueMessage]:
    now = datetime.now(UTC)
    return [QueueMessage(f"id-{n}", f"receipt-{n}", "{}", now) for n in range(count)]


def test_many_messages_are_deleted_ten_to_a_call() -> None:
    sqs = Sqs()
    assert queue(sqs).delete(messages(23)) == []
    assert [len(batch) for batch in sqs.batches] == [10, 10, 3]
    assert all(len({each["Id"] for each in batch}) == len(batch) for batch in sqs.batches)


def test_those_that_were_not_deleted_are_answered() -> None:
    left = queue(Sqs("receipt-3", "receipt-12")).delete(messages(15))
    assert [message.id for message in left] == ["id-3", "id-12"]


def test_a_message_tells_when_it_was_put_on_the_queue() -> None:
    first, second = queue(Sqs()).receive(wait_seconds=1)
    assert first.sent_at == datetime(2026, 3, 1, 12, 0, 1, 903000, tzinfo=UTC)
    assert second.sent_at.tzinfo is UTC
    assert second.body == ""
