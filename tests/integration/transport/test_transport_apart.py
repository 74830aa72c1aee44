"""What SQS shows again is screened unread; what is suspect is tried alone, one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.waiting import until
from worker.transport import Screened, TransportOptions
from worker.transport.inbox import Inbox
from worker.transport.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = "suspects"


class Court:
    """Screens everything out, and holds each trial until it is told the verdict."""

    def __init__(self, sqs: Any) -> None:
        self.tried: list[str] = []
        self.left: list[str] = []
        self.screened: list[int] = []
        self.condemned: dict[str, str] = {}
        self.verdict = threading.Semaphore(0)
        options = TransportOptions(
            queues={QUEUE: sqs.url(QUEUE)},
            make_sqs_client=lambda: sqs.client,
            wait_time_seconds=1,
            refused_visibility_seconds=0,
            screen=self._screen,
            try_apart=self._try,
            on_left=lambda _queue, ids: self.left.extend(ids),
        )
        self.inbox = Inbox()
        self.intake = Intake(options, sqs.client, self.inbox)

    def _screen(self, queue: str, messages: Any) -> Screened:
        self.screened.append(len(messages))
        ids = frozenset(message["MessageId"] for message in messages)
        return Screened(ids - self.condemned.keys(), self.condemned)

    def _try(self, queue: str, message: dict[str, Any]) -> float | None:
        self.tried.append(message["MessageId"])
        self.verdict.acquire()
        return None


@pytest.fixture
def court(sqs: Any) -> Iterator[Court]:
    sqs.control.reset()
    sqs.create(QUEUE)
    made = Court(sqs)
    yield made
    made.verdict.release(20)
    made.intake.close()
    made.inbox.close()


def show_before(sqs: Any, count: int) -> list[str]:
    """Messages that somebody else has received and given back."""
    sqs.send(QUEUE, *["what kills its reader"] * count)
    url = sqs.url(QUEUE)
    received: list[Any] = []
    while len(received) < count:
        received += sqs.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    for message in received:
        sqs.client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    return [message["MessageId"] for message in received]


def test_suspects_are_tried_one_at_a_time_and_the_others_stay_in_hand(
    sqs: Any, court: Court
) -> None:
    ids = show_before(sqs, 3)
    court.intake.open(QUEUE)
    until(lambda: sqs.control.queue(QUEUE)["in_flight"] == 3, "all are in hand")
    until(lambda: court.tried, "one is tried")
    assert len(court.tried) == 1
    court.verdict.release(3)
    sqs.wait_until_empty(QUEUE)
    assert sorted(court.tried) == sorted(ids) == sorted(court.left)


def test_suspects_that_wait_are_visible_at_once_when_the_process_ends(
    sqs: Any, court: Court
) -> None:
    show_before(sqs, 3)
    court.intake.open(QUEUE)
    until(lambda: sqs.control.queue(QUEUE)["in_flight"] == 3, "all are in hand")
    until(lambda: court.tried, "one is tried")
    court.intake.close_queue(QUEUE)
    until(lambda: sqs.control.queue(QUEUE)["visible"] == 2, "the two that wait are visible")
    assert len(court.tried) == 1


def test_what_is_shown_for_the_first_time_is_not_screened(sqs: Any, court: Court) -> None:
    sqs.send(QUEUE, {"no": "task"})
    court.intake.open(QUEUE)
    until(lambda: court.screened, "it was shown again after it was refused")
    assert sqs.control.queue(QUEUE)["messages"][0]["receive_count"] >= 2


def test_the_condemned_are_neither_read_nor_tried(sqs: Any, court: Court) -> None:
    [sqs_message_id] = show_before(sqs, 1)
    court.condemned = {sqs_message_id: "It killed."}
    court.intake.open(QUEUE)
    until(lambda: len(court.screened) > 2, "it was shown again and again")
    assert court.tried == []


def test_when_nobody_can_be_screened_the_messages_go_back_and_no_room_is_lost(
    sqs: Any, court: Court
) -> None:
    fails = threading.Event()
    fails.set()
    screen = court._screen

    def failing(queue: str, messages: Any) -> Screened:
        if fails.is_set():
            raise RuntimeError
        return screen(queue, messages)

    object.__setattr__(court.intake._options, "screen", failing)
    show_before(sqs, 5)
    before = sqs.calls("ChangeMessageVisibilityBatch")
    court.intake.open(QUEUE)
    sqs.control.wait_for("started:sqs.ChangeMessageVisibilityBatch", before + 3)
    fails.clear()
    court.verdict.release(5)
    sqs.wait_until_empty(QUEUE)
    assert len(court.tried) == 5
