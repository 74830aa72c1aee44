"""What can be told of a dead letter without asking anybody, and how durations are written."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from mailsluice import DELIVER, DELIVER_BULK, Message, envelope, envelope_for
from ops.dead_letters import Hand, job_id
from ops.times import duration


class Sqs:
    """Answers receives one after the other, and remembers what it was told to make visible."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked_for: list[int] = []
        self.given_back: list[list[str]] = []

    def receive_message(self, **request: object) -> dict[str, object]:
        self.asked_for.append(int(str(request["MaxNumberOfMessages"])))
        names = self.answers.pop(0) if self.answers else []
        return {"Messages": [self._message(name) for name in names]} if names else {}

    def change_message_visibility_batch(self, **request: list[dict[str, str]]) -> None:
        self.given_back.append([each["ReceiptHandle"] for each in request["Entries"]])

    def delete_message_batch(self, **request: list[dict[str, str]]) -> dict[str, object]:
        ids = [each["Id"] for each in request["Entries"]]
        failed = [{"Id": each, "Code": "InternalError", "Message": "Not now."} for each in ids[1:]]
        return {"Successful": [{"Id": ids[0]}], "Failed": failed}

    def _message(self, name: str) -> dict[str, object]:
        return {
            "MessageId": name,
            "ReceiptHandle": f"handle of {name}, receive {len(self.asked_for)}",
            "Body": name,
            "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
        }


def test_the_id_of_a_message_is_read_from_its_job() -> None:
    message = Message(to="ada@example.com", subject="x", text="y")
    assert job_id(envelope(message, "q")) == str(message.id)


def test_the_id_is_read_even_where_the_job_is_of_an_unknown_version() -> None:
    known = uuid4()
    body = envelope_for(DELIVER, {"id": str(known), "version": 99}, uuid4(), "q")
    assert job_id(body) == str(known)


def test_a_bulk_job_is_known_by_the_id_of_the_whole() -> None:
    whole = uuid4()
    assert job_id(envelope_for(DELIVER_BULK, {"destinations": []}, whole, "q")) == str(whole)


@pytest.mark.parametrize(
    "body",
    ["", "no job", "{}", "[]", json.dumps({"id": "1"}), envelope_for(DELIVER, {}, "no uuid", "q")],
)
def test_what_is_no_job_has_no_id(body: str) -> None:
    assert job_id(body) is None


def test_a_letter_that_sqs_shows_twice_is_taken_once_and_given_back_by_its_newest_handle() -> None:
    sqs = Sqs(["a", "b"], ["b", "c"], ["a"], ["never asked for"])
    with Hand(sqs, "url", visibility_seconds=1) as hand:
        taken = [[each.sqs_message_id for each in batch] for batch in hand.batches()]
    assert taken == [["a", "b"], ["c"]]
    assert sorted(sqs.given_back[0]) == [
        "handle of a, receive 3",
        "handle of b, receive 2",
        "handle of c, receive 2",
    ]


def test_no_more_are_taken_than_wanted() -> None:
    sqs = Sqs(["a"] * 1, [*"bcdefghij"], ["k", "l"], ["m"])
    with Hand(sqs, "url", visibility_seconds=1) as hand:
        taken = [each for batch in hand.batches(12) for each in batch]
    assert len(taken) == 12
    assert sqs.asked_for == [10, 10, 2]


def test_a_letter_that_sqs_did_not_delete_is_given_back() -> None:
    sqs = Sqs(["a", "b"])
    with Hand(sqs, "url", visibility_seconds=1) as hand:
        failed = hand.delete(hand.take())
    assert failed == {"b": "InternalError: Not now."}
    assert sqs.given_back == [["handle of b, receive 1"]]


def test_letters_are_given_back_ten_at_a_time_and_after_an_error_too() -> None:
    sqs = Sqs([f"{number}" for number in range(10)], ["a", "b"])

    def break_down() -> None:
        with Hand(sqs, "url", visibility_seconds=1) as hand:
            hand.take()
            hand.take()
            raise KeyError("something")

    with pytest.raises(KeyError):
        break_down()
    assert [len(each) for each in sqs.given_back] == [10, 2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min 0 s"),
        (7, "7 s"),
        (3600, "1 h 0 min"),
        (86_400 + 7200 + 59, "1 d 2 h"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
