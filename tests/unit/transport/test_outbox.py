"""Orders to SQS are batched, brought off the caller's thread, retried, and flushed at the end."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from worker.transport import TransportOptions
from worker.transport.outbox import FAILURES_AT_MOST, Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE, URL = "mail", "http://sqs.test/000000000000/mail"


@pytest.fixture
def outbox(sqs: Any, options: TransportOptions) -> Iterator[Outbox]:
    made = Outbox(options, sqs)
    yield made
    made.close(timeout_seconds=5)


def refused(entry_id: str, code: str, *, senders_fault: bool) -> dict[str, Any]:
    return {"Failed": [{"Id": entry_id, "Code": code, "SenderFault": senders_fault}]}


def denied() -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessageBatch")


def test_ten_deletes_are_one_call(sqs: Any, outbox: Outbox) -> None:
    for number in range(25):
        outbox.delete(QUEUE, str(number))
    outbox.start()
    assert outbox.close(timeout_seconds=5) == 0
    batches = sqs.receipts("delete_message_batch")
    assert sorted(map(len, batches)) == [5, 10, 10]
    assert sorted(chain(*batches), key=int) == [str(number) for number in range(25)]
    assert {parameters["QueueUrl"] for _, parameters in sqs.calls} == {URL}


def test_a_single_delete_does_not_wait_for_company_for_long(sqs: Any, outbox: Outbox) -> None:
    outbox.start()
    outbox.delete(QUEUE, "only")
    sqs.wait_for_calls(1)
    assert sqs.receipts("delete_message_batch") == [["only"]]


def test_deletes_and_returns_of_several_queues_do_not_share_a_call(sqs: Any) -> None:
    outbox = Outbox(TransportOptions(queues={"a": "http://a", "b": "http://b"}), sqs)
    outbox.delete("a", "1")
    outbox.delete("b", "2")
    outbox.show_after(2.2, "a", ["3", "4"])
    outbox.start()
    outbox.close(timeout_seconds=5)
    calls = {(name, parameters["QueueUrl"]) for name, parameters in sqs.calls}
    assert calls == {
        ("delete_message_batch", "http://a"),
        ("delete_message_batch", "http://b"),
        ("change_message_visibility_batch", "http://a"),
    }
    changes = next(what for name, what in sqs.calls if name.startswith("change"))
    assert [entry["VisibilityTimeout"] for entry in changes["Entries"]] == [3, 3]


def test_a_call_that_fails_is_made_again(sqs: Any, outbox: Outbox) -> None:
    sqs.script = [EndpointConnectionError(endpoint_url="http://sqs.test"), denied(), {}]
    outbox.start()
    outbox.delete(QUEUE, "1")
    sqs.wait_for_calls(3)
    assert sqs.receipts("delete_message_batch") == [["1"]] * 3


def test_only_the_entries_that_sqs_refused_are_sent_again(sqs: Any, outbox: Outbox) -> None:
    sqs.script = [refused("1", "InternalError", senders_fault=False)]
    outbox.delete(QUEUE, "good")
    outbox.delete(QUEUE, "bad")
    outbox.start()
    sqs.wait_for_calls(2)
    assert sqs.receipts("delete_message_batch") == [["good", "bad"], ["bad"]]


def test_a_stale_receipt_is_logged_and_not_sent_again(
    sqs: Any, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    sqs.script = [refused("0", "ReceiptHandleIsInvalid", senders_fault=True)]
    outbox.delete(QUEUE, "stale")
    outbox.start()
    assert outbox.close(timeout_seconds=5) == 0
    assert len(sqs.calls) == 1
    assert "1 messages of queue mail could not be deleted (ReceiptHandleIsInvalid)" in caplog.text


def test_an_order_that_keeps_failing_is_given_up_with_a_line_in_the_log(
    sqs: Any, options: TransportOptions, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(options, sqs)
    sqs.script = [denied()] * 2 * FAILURES_AT_MOST
    outbox.delete(QUEUE, "1")
    outbox.start()
    assert outbox.close(timeout_seconds=5) == 0
    assert len(sqs.calls) == FAILURES_AT_MOST
    assert "AccessDenied" in caplog.text


def test_closing_ends_in_time_while_sqs_hangs(sqs: Any, options: TransportOptions) -> None:
    from threading import Event  # noqa: PLC0415  only here

    release = Event()
    sqs.script = [lambda: release.wait(10) and {}]
    outbox = Outbox(options, sqs)
    outbox.start()
    outbox.delete(QUEUE, "1")
    sqs.wait_for_calls(1)
    assert outbox.close(timeout_seconds=0.05) == 1
    release.set()


def test_an_order_that_comes_after_the_end_is_sent_by_who_brings_it(
    sqs: Any, outbox: Outbox
) -> None:
    outbox.start()
    outbox.close(timeout_seconds=5)
    sqs.script = [denied()]
    outbox.show_after(0, QUEUE, ["late"])
    assert sqs.receipts("change_message_visibility_batch") == [["late"]]
