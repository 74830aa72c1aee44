"""Malformed and foreign messages end in the dead-letter queue, good ones run; the worker lives."""

from __future__ import annotations

import base64
import json
from typing import Any


def base64_of(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.b64encode(text.encode()).decode()


def note(**changes: object) -> dict[str, Any]:
    """A good message with parts replaced; None takes a part away."""
    message: dict[str, Any] = {
        "body": '[["bad"], {}, {}]',
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "note", "id": "1"},
        "properties": {"delivery_info": {"routing_key": "poisoned"}},
    }
    message.update(changes)
    return {name: part for name, part in message.items() if part is not None}


def headers(**changes: object) -> dict[str, Any]:
    return note(headers={"task": "note", "id": "1", **changes})


BAD: list[object] = [
    # What a stock worker leaves to the dead-letter queue, or deletes.
    "plain text",
    "{bad json",
    base64_of("plain text"),
    [1, 2, 3],
    {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": "hello"},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]},
    note(headers={"task": "unknown.task", "id": "1"}),
    note(headers=None),
    {**note(), "headers": None},
    note(headers={}),
    note(**{"content-type": "application/x-python-serialize", "body": base64_of("pickle")}),
    headers(eta="soon"),
    headers(expires="never"),
    # What it acknowledges, so that it is lost.
    note(body="not json"),
    headers(compression="application/x-gzip"),
    headers(compression="unheard of"),
    note(body='["text", {}, {}]'),
    note(body='[[], "text", {}]'),
    note(body=[["bad"], {}, {}]),
    # What it dies of.
    note(headers={"task": "note"}),
    {**note(), "properties": None},
    note(properties="text"),
    note(properties={"delivery_info": None}),
    note(properties={"body_encoding": "base64"}),
    note(properties={"body_encoding": "rot13"}),
    note(body=7),
    note(body=None),
    note(body='{"x": 1}'),
    note(body="[[1], {}]"),
    note(**{"content-type": None}),
    note(headers={"task": ["note"], "id": "1"}),
    headers(timelimit=[1]),
    headers(timelimit="soon"),
]

GOOD: list[object] = [
    note(body='[["plain"], {}, {}]'),
    base64_of(
        note(body=base64_of('[["twice base64"], {}, null]'), properties={"body_encoding": "base64"})
    ),
    note(body='[["no routing key"], {}, {}]', properties={}),
    note(
        body='[["foreign routing key"], {}, {}]',
        properties={"delivery_info": {"exchange": "x", "routing_key": "elsewhere"}},
    ),
]


def test_poison_goes_to_the_dead_letter_queue_and_good_messages_run(
    sqs: Any, start_worker: Any
) -> None:
    sqs.create("poisoned", max_receives=2)
    mixed = [*BAD[:11], *GOOD[:2], *BAD[11:], *GOOD[2:]]
    sqs.send("poisoned", *mixed)
    worker = start_worker("poisoned", wait_time_seconds=2, refused_visibility_seconds=0)
    sqs.wait_until_empty("poisoned")
    dead = sqs.control.queue("poisoned-dlq")
    assert dead["visible"] == len(BAD)
    bodies = {body if isinstance(body, str) else json.dumps(body) for body in BAD}
    assert {message["body"] for message in dead["messages"]} == bodies
    worker.wait_for("ran", count=len(GOOD))
    assert sorted(worker.texts("ran")) == [
        "foreign routing key",
        "no routing key",
        "plain",
        "twice base64",
    ]
    assert {told["queue"] for told in worker.all("ran")} == {"poisoned"}
    refused = worker.all("refused")
    assert len(refused) == 2 * len(BAD), "once for each receive that the redrive policy allows"
    assert all(told["reason"].endswith(".") for told in refused)

    sqs.send("poisoned", note(body='[["still alive"], {}, {}]'))
    worker.wait_for("ran", text="still alive")
    code, _ = worker.stop()
    assert code == 0
    assert "Traceback" not in worker.log()
