"""The queue is called in tens, and every entry of a batch answers for itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from consumers.queues import LONGEST_HIDDEN_SECONDS, EventQueue, QueueMessage


class Sqs:
    """Answers as SQS does when it cannot delete some entries of a batch."""

    def __init__(self, *undeletable: str) -> None:
        self.undeletable = set(undeletable)
        self.batches: list[list[dict[str, Any]]] = []
        self.hidden: list[int] = []

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  boto3's names
        self.batches.append(Entries)
        failed = [each for each in Entries if each["ReceiptHandle"] in self.undeletable]
        return {"Failed": [{"Id": each["Id"], "Code": "InternalError"} for each in failed]}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803  boto3's names
        self.hidden += [each["VisibilityTimeout"] for each in Entries]

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {
            "Messages": [
                {
                    "MessageId": "id",
                    "ReceiptHandle": "receipt",
                    "Body": "{}",
                    "Attributes": {
                        "SentTimestamp": "1772366401903",
                        "ApproximateReceiveCount": "3",
                    },
                },
                {"MessageId": "id-2", "ReceiptHandle": "receipt-2"},
            ]
        }


def queue(sqs: Sqs, *, hidden_seconds: int = 60) -> EventQueue:
    return EventQueue(
        sqs,  # type: ignore[arg-type]
        "events",
        "http://127.0.0.1/events",
        hidden_seconds=hidden_seconds,
    )


def messages(count: int, *, receives: int = 1) -> list[QueueMessage]:
    now = datetime.now(UTC)
    return [
        QueueMessage(f"id-{n}", f"receipt-{n}", "{}", now, receives=receives) for n in range(count)
    ]


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


def test_a_message_tells_how_often_it_was_received() -> None:
    first, second = queue(Sqs()).receive(wait_seconds=1)
    assert (first.receives, second.receives) == (3, 1)


def test_what_is_left_on_the_queue_comes_back_the_later_the_more_often_it_came() -> None:
    sqs = Sqs()
    for receives in (1, 2, 3, 4, 9, 1000):
        queue(sqs, hidden_seconds=180).hide_longer(messages(1, receives=receives))
    assert sqs.hidden == [360, 720, 1440, LONGEST_HIDDEN_SECONDS, LONGEST_HIDDEN_SECONDS]


def test_what_is_left_on_the_queue_is_never_hidden_for_less_than_a_proof_wants() -> None:
    sqs = Sqs()
    queue(sqs, hidden_seconds=2 * LONGEST_HIDDEN_SECONDS).hide_longer(messages(11, receives=2))
    assert sqs.hidden == [2 * LONGEST_HIDDEN_SECONDS] * 11
