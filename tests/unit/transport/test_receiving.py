"""Receiving goes on whatever happens, within the limit, and not through a shut gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from sandbox.waiting import until
from worker.transport import TransportOptions, receiver
from worker.transport.inbox import Inbox
from worker.transport.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUEUE, URL = "mail", "http://sqs.test/000000000000/mail"


class Receiving:
    """An intake over a scripted client."""

    def __init__(self, sqs: Any, limit: int = 8, **options: Any) -> None:
        self.inbox = Inbox()
        self.refused: list[tuple[str, str]] = []
        self.errors: list[Exception] = []
        self.answers: list[str] = []
        chosen = TransportOptions(
            **{
                "queues": {QUEUE: URL},
                "make_sqs_client": lambda: sqs,
                "receives_at_most": 1,
                "on_refused": lambda _, message, why: self.refused.append(
                    (message["MessageId"], why)
                ),
                "on_receive": self.answers.append,
                "on_receive_error": lambda _, error: self.errors.append(error),
                **options,
            }
        )
        self.intake = Intake(chosen, sqs, self.inbox)
        self.intake.in_hand.limit = limit

    def next(self) -> list[str]:
        """The receipts of what arrives next."""
        assert self.inbox.wait(5), "nothing arrived"
        return [delivery.held.receipt for delivery in self.inbox.collect()]

    def close(self) -> None:
        self.intake.close()
        self.inbox.close()


@pytest.fixture
def receive(sqs: Any) -> Iterator[Callable[..., Receiving]]:
    made: list[Receiving] = []

    def start(**options: Any) -> Receiving:
        made.append(Receiving(sqs, **options))
        made[-1].intake.open(QUEUE)
        return made[-1]

    yield start
    for receiving in made:
        receiving.close()


def receives(sqs: Any) -> list[dict[str, Any]]:
    return [parameters for name, parameters in sqs.calls if name == "receive_message"]


def test_a_message_arrives_with_what_sqs_says_about_it(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    sqs.script = [{"Messages": [sqs_message("r1")]}]
    receiving = receive()
    receiving.inbox.wait(5)
    (delivery,) = receiving.inbox.collect()
    assert delivery.held.receipt == "r1"
    assert delivery.held.message_id == "id-r1"
    assert delivery.held.receive_count == 2
    assert delivery.held.sent_at_epoch_seconds == 1_700_000_000.5
    first = receives(sqs)[0]
    assert first["QueueUrl"] == URL
    assert (first["WaitTimeSeconds"], first["VisibilityTimeout"]) == (10, 120)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "InternalFailure"}}, "ReceiveMessage"),
        ClientError({"Error": {"Code": "AccessDenied"}}, "ReceiveMessage"),
        ReadTimeoutError(endpoint_url=URL),
        NoCredentialsError(),
        ConnectionResetError("cut"),
        RuntimeError("a bug of the SDK"),
    ],
    ids=repr,
)
def test_receiving_goes_on_after_any_error(
    sqs: Any, sqs_message: Any, receive: Any, error: Exception
) -> None:
    sqs.script = [error, {"Messages": [sqs_message("r1")]}]
    receiving = receive()
    assert receiving.next() == ["r1"]
    assert receiving.errors == [error]


def test_a_failed_receive_gives_its_room_back(sqs: Any, sqs_message: Any, receive: Any) -> None:
    messages = [sqs_message(f"r{number}") for number in range(2)]
    sqs.script = [RuntimeError(), RuntimeError(), {"Messages": messages}]
    receiving = receive(limit=2)
    while len(receiving.intake.in_hand) < 2:
        receiving.next()
    assert receiving.intake.in_hand.free == 0


def test_a_callback_that_raises_does_not_stop_receiving(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("broken callback")

    sqs.script = [RuntimeError(), {"Messages": [sqs_message("bad", "{}"), sqs_message("r1")]}]
    receiving = receive(on_receive=broken, on_receive_error=broken, on_refused=broken)
    assert receiving.next() == ["r1"]


def test_a_malformed_message_is_reported_and_shown_soon_again_but_never_deleted(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    sqs.script = [{"Messages": [sqs_message("bad", "hello"), sqs_message("good")]}]
    receiving = receive()
    assert receiving.next() == ["good"]
    until(lambda: "bad" in returned(sqs), "the malformed message is shown again")
    receiving.close()
    assert receiving.refused == [("id-bad", "The body is neither a JSON object nor base64 of one.")]
    assert returned(sqs)["bad"] == 2
    assert not sqs.receipts("delete_message_batch")


def returned(sqs: Any) -> dict[str, int]:
    """With which visibility each receipt was given back."""
    return {
        entry["ReceiptHandle"]: entry["VisibilityTimeout"]
        for name, what in list(sqs.calls)
        if name.startswith("change")
        for entry in what["Entries"]
    }


def test_a_message_that_sqs_gives_without_its_parts_does_not_cost_the_others(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    odd = sqs_message("odd")
    odd["Attributes"] = {"SentTimestamp": "yesterday"}
    sqs.script = [{"Messages": [odd, sqs_message("good")]}]
    receiving = receive()
    assert receiving.next() == ["good"]
    assert receiving.intake.in_hand.free >= 0


def test_no_more_is_asked_for_than_there_is_room_for(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    sqs.script = [{"Messages": [sqs_message(f"r{number}") for number in range(3)]}]
    receiving = receive(limit=3)
    assert len(receiving.next()) == 3
    assert receiving.intake.in_hand.free == 0
    receiving.intake.finish("r0")
    while len(receives(sqs)) < 2:
        sqs.wait_for_calls(len(sqs.calls) + 1)
    assert receives(sqs)[0]["MaxNumberOfMessages"] == 3
    assert receives(sqs)[1]["MaxNumberOfMessages"] <= 1


def test_a_shut_gate_is_asked_again_and_nothing_is_received_meanwhile(
    sqs: Any, sqs_message: Any, receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "GATE_ASKED_EVERY_SECONDS", 0.01)
    answers = [False, False, False]
    received_while_shut = []

    def may_receive(_: str) -> bool:
        if not answers:
            return True
        received_while_shut.extend(receives(sqs))
        return answers.pop()

    sqs.script = [{"Messages": [sqs_message("r1")]}]
    assert receive(may_receive=may_receive).next() == ["r1"]
    assert answers == [], "the gate was not asked"
    assert received_while_shut == []


def test_a_gate_that_cannot_answer_is_shut(
    sqs: Any, sqs_message: Any, receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "GATE_ASKED_EVERY_SECONDS", 0.01)
    failures = [RuntimeError("no database")]

    def may_receive(_: str) -> None:
        if failures:
            assert not receives(sqs)
            raise failures.pop()

    sqs.script = [{"Messages": [sqs_message("r1")]}]
    assert receive(may_receive=may_receive).next() == ["r1"]


def test_what_an_open_poll_brings_after_the_gate_has_shut_goes_back_at_once(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    is_open = [True]

    def shut_and_answer() -> dict[str, Any]:
        is_open[0] = False
        return {"Messages": [sqs_message("r1")]}

    sqs.script = [shut_and_answer]
    receiving = receive(may_receive=lambda _: is_open[0])
    sqs.wait_for_calls(2)
    assert sqs.receipts("change_message_visibility_batch") == [["r1"]]
    assert len(receiving.intake.in_hand) == 0


def test_what_an_open_poll_brings_after_the_consumer_has_gone_goes_back_at_once(
    sqs: Any, sqs_message: Any
) -> None:
    receiving = Receiving(sqs)

    def cancel_and_answer() -> dict[str, Any]:
        receiving.intake.close_queue(QUEUE)
        return {"Messages": [sqs_message("r1")]}

    sqs.script = [cancel_and_answer]
    receiving.intake.open(QUEUE)
    sqs.wait_for_calls(2)
    assert sqs.receipts("change_message_visibility_batch") == [["r1"]]
    receiving.close()


def test_what_was_in_hand_and_had_not_started_goes_back_at_once_when_its_consumer_ends(
    sqs: Any, sqs_message: Any
) -> None:
    sqs.script = [{"Messages": [sqs_message("r1")]}]
    receiving = Receiving(sqs)
    receiving.intake.open(QUEUE)
    assert receiving.next() == ["r1"]
    receiving.intake.close_queue(QUEUE)
    until(lambda: sqs.receipts("change_message_visibility_batch") == [["r1"]], "it is shown again")
    receiving.close()


def test_more_receives_are_open_while_the_queue_is_deep(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    import threading  # noqa: PLC0415  only here

    both_open = threading.Barrier(2, timeout=5)

    def wait_for_the_other() -> dict[str, Any]:
        both_open.wait()
        return {}

    full = {"Messages": [sqs_message(f"r{number}") for number in range(10)]}
    sqs.script = [full, wait_for_the_other, wait_for_the_other]
    receive(limit=40, receives_at_most=2)
    sqs.wait_for_calls(3)


def test_a_task_may_have_its_message_shown_again_later_instead_of_deleted(
    sqs: Any, sqs_message: Any, receive: Any
) -> None:
    messages = [sqs_message("done"), sqs_message("later"), sqs_message("failed")]
    sqs.script = [{"Messages": messages}]
    receiving = receive()
    receiving.next()
    receiving.intake.in_hand.get("later").give_back_after_seconds = 30
    receiving.intake.finish("done")
    receiving.intake.finish("later")
    receiving.intake.give_back("failed", 5)
    receiving.close()
    returned = {
        entry["ReceiptHandle"]: entry["VisibilityTimeout"]
        for name, what in sqs.calls
        if name.startswith("change")
        for entry in what["Entries"]
    }
    assert returned == {"later": 30, "failed": 5}
    assert sqs.receipts("delete_message_batch") == [["done"]]


def test_settling_a_message_twice_does_nothing(sqs: Any, sqs_message: Any, receive: Any) -> None:
    sqs.script = [{"Messages": [sqs_message("r1")]}]
    receiving = receive()
    receiving.next()
    receiving.intake.finish("r1")
    receiving.intake.finish("r1")
    receiving.intake.give_back("r1", 0)
    receiving.close()
    assert sqs.receipts("delete_message_batch") == [["r1"]]
    assert not sqs.receipts("change_message_visibility_batch")
