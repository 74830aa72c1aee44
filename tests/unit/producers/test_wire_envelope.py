"""What lies on the queue: readable by Celery, and by nobody's log."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from celery.app.task import Context
from kombu.serialization import loads

import mailsluice
from mailsluice import Attachment, EnvelopeError, Message, MessageError
from mailsluice.wire import MAX_SQS_BYTES
from sandbox.aws.sqs.bodies import check_body

QUEUE = "mailsluice-transactional"


def a_message(**fields: Any) -> Message:
    return Message(**{"to": "ada@example.com", "subject": "Grüße", "text": "Hallo 🎉"} | fields)


def test_celery_itself_reads_task_id_and_the_job() -> None:
    message = a_message()
    outer = json.loads(mailsluice.envelope(message, QUEUE))
    args, kwargs, embedded = loads(
        outer["body"], outer["content-type"], outer["content-encoding"], accept=["application/json"]
    )
    assert args == [message.to_wire()]
    assert kwargs == {}
    assert embedded == {}
    context = Context(outer["headers"])
    assert context.task == "mailsluice.deliver"
    assert context.id == str(message.id)


def test_the_envelope_names_its_queue() -> None:
    outer = json.loads(mailsluice.envelope(a_message(), QUEUE))
    assert outer["properties"]["delivery_info"]["routing_key"] == QUEUE


def test_nothing_of_the_message_leaks_into_the_headers() -> None:
    outer = json.loads(mailsluice.envelope(a_message(), QUEUE))
    assert outer["headers"]["argsrepr"] == ""
    assert outer["headers"]["kwargsrepr"] == ""
    assert "ada@example.com" not in json.dumps({**outer, "body": ""})


def test_the_envelope_is_ascii_whatever_the_message_says() -> None:
    assert mailsluice.envelope(a_message(text="\u0001\ufffe 🎉 \u2028"), QUEUE).isascii()


def test_an_envelope_opens_to_what_was_put_in() -> None:
    message = a_message(attachments=[Attachment("a.bin", bytes(range(256)))])
    opened = mailsluice.decode(mailsluice.envelope(message, QUEUE))
    assert opened.task == mailsluice.DELIVER
    assert opened.id == str(message.id)
    assert mailsluice.parse_job(opened.job) == message


def test_a_stored_job_goes_back_under_its_own_id() -> None:
    job = a_message().to_wire()
    body = mailsluice.envelope_for(mailsluice.DELIVER, job, "some-id", QUEUE)
    opened = mailsluice.decode(body)
    assert (opened.id, opened.job) == ("some-id", job)


@pytest.mark.parametrize(
    "text",
    ["Привет, мир", "🎉", "\u0001\u007f\u2028", "\ufffe\uffff", "\ud800 alone", "\\ud800", '"'],
)
def test_a_job_may_travel_as_raw_utf_8_and_opens_to_the_same(text: str) -> None:
    job = a_message().to_wire() | {"text": text}
    body = mailsluice.envelope_for(mailsluice.DELIVER, job, "some-id", QUEUE, ascii_only=False)
    assert check_body(body.encode().decode())
    assert mailsluice.decode(body).job == job


def test_raw_utf_8_is_as_small_as_the_text_itself() -> None:
    def size_bytes(letters: int) -> int:
        job = {"text": "ж" * letters}
        body = mailsluice.envelope_for(mailsluice.DELIVER, job, "1", QUEUE, ascii_only=False)
        return len(body.encode())

    assert size_bytes(1000) - size_bytes(0) == 2000


def body_of(size_bytes: int) -> Message:
    empty = len(mailsluice.envelope(a_message(text="x"), QUEUE)) - 1
    return a_message(text="x" * (size_bytes - empty))


def test_a_message_of_exactly_what_sqs_takes_passes() -> None:
    assert len(mailsluice.envelope(body_of(MAX_SQS_BYTES), QUEUE)) == 1_048_576


def test_one_byte_more_is_refused_with_size_and_limit() -> None:
    with pytest.raises(MessageError, match=r"1,048,577 bytes as a job; SQS takes 1,048,576$"):
        mailsluice.envelope(body_of(MAX_SQS_BYTES + 1), QUEUE)


def test_a_message_with_large_files_is_refused_with_advice() -> None:
    message = a_message(attachments=[Attachment("film.mp4", b"x" * 900_000)])
    with pytest.raises(MessageError, match=r"attachments are 900,000 bytes\): link to the files"):
        mailsluice.envelope(message, QUEUE)


def an_envelope(**fields: Any) -> str:
    good = {
        "body": "[[{}], {}, {}]",
        "content-type": "application/json",
        "headers": {"task": "mailsluice.deliver", "id": "1"},
        "properties": {},
    }
    return json.dumps(good | fields)


def test_the_least_envelope_opens() -> None:
    assert mailsluice.decode(an_envelope()).job == {}


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "[]",
        "null",
        "7",
        '"text"',
        "{",
        "\x00",
        "Zm9v",
        base64.b64encode(b"\xff\xfe").decode(),
        "[" * 100_000,
        "{" * 100_000,
        an_envelope(headers=None),
        an_envelope(headers={"task": ["mailsluice.deliver"], "id": "1"}),
        an_envelope(headers={"task": "mailsluice.deliver", "id": 1}),
        an_envelope(properties=None),
        an_envelope(**{"content-type": "application/x-python-serialize"}),
        an_envelope(body=7),
        an_envelope(body="#"),
        an_envelope(body="[" * 100_000),
        an_envelope(body="[[], {}, {}]"),
        an_envelope(body='[["text"], {}, {}]'),
        an_envelope(body='[[{}], {"a": 1}, {}]'),
        an_envelope(body="[[{}], {}]"),
        an_envelope(properties={"body_encoding": "base64"}),
    ],
    ids=lambda body: body[:40],
)
def test_any_other_body_is_told_apart_and_nothing_worse_happens(body: str) -> None:
    with pytest.raises(EnvelopeError):
        mailsluice.decode(body)
