"""What is not exactly a task message for us is refused with a reason, and quotes nothing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.transport.envelope import RefusedError, open_envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., dict[str, Any]]

TASKS = frozenset({"mail.send"})


def opened(message: object) -> Any:
    return open_envelope(json.dumps(message), TASKS)


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_task_message_is_opened_into_its_arguments(task_message: Make) -> None:
    envelope = opened(task_message())
    args, kwargs, embed = envelope.payload
    assert (args, kwargs, embed) == (["a"], {"k": 1}, {})
    assert envelope.headers["task"] == "mail.send"
    assert envelope.headers["id"] == envelope.correlation_id == "0b1f"


def test_the_shortest_message_that_the_protocol_allows_is_opened() -> None:
    envelope = opened(
        {
            "body": "[[],{},null]",
            "content-type": "application/json",
            "headers": {"task": "mail.send", "id": "1"},
            "properties": {},
        }
    )
    assert envelope.payload == ([], {}, {})


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_each_form_of_base64_that_kombu_writes_is_read(
    task_message: Make, *, outer: bool, inner: bool
) -> None:
    message = task_message()
    if inner:
        message["body"] = base64_of(message["body"])
        message["properties"]["body_encoding"] = "base64"
    text = json.dumps(message)
    envelope = open_envelope(base64_of(text) if outer else text, TASKS)
    assert envelope.payload[0] == ["a"]


def test_what_celery_itself_sends_is_opened(task_message: Make) -> None:
    headers = {
        "lang": "py",
        "task": "mail.send",
        "id": "c6b5",
        "shadow": None,
        "eta": "2026-01-23T10:00:00+00:00",
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 2,
        "timelimit": [None, 12.5],
        "root_id": "c6b5",
        "parent_id": None,
        "argsrepr": "('ada@example.com',)",
        "kwargsrepr": "{}",
        "origin": "gen1@host",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    nothing = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    properties = {
        "correlation_id": "c6b5",
        "reply_to": "x",
        "delivery_mode": 2,
        "priority": 3,
        "body_encoding": "utf-8",
        "delivery_info": {"exchange": "", "routing_key": "mail"},
        "delivery_tag": "t",
    }
    envelope = opened(
        task_message(
            headers=headers, properties=properties, body=json.dumps([[1], {"a": 2}, nothing])
        )
    )
    assert envelope.headers["retries"] == 2
    assert envelope.headers["timelimit"] == (None, 12.5)
    assert envelope.priority == 3


def test_headers_that_celery_would_make_attributes_of_the_request_are_dropped(
    task_message: Make,
) -> None:
    headers = {"task": "mail.send", "id": "1", "callbacks": [1], "chain": [2], "shadow": "x"}
    assert (
        opened(task_message(headers=headers))
        .headers.keys()
        .isdisjoint({"callbacks", "chain", "shadow"})
    )


def test_nothing_of_the_arguments_shows_when_it_is_logged(task_message: Make) -> None:
    headers = {"task": "mail.send", "id": "1", "argsrepr": "secret", "kwargsrepr": "secret"}
    body = json.dumps([["secret"], {"to": "secret"}, {}])
    envelope = opened(task_message(headers=headers, body=body))
    assert "secret" not in repr(envelope)


REFUSED: dict[str, Any] = {
    "no id": {"headers": {"task": "mail.send"}},
    "empty id": {"headers": {"task": "mail.send", "id": ""}},
    "id a number": {"headers": {"task": "mail.send", "id": 7}},
    "id with a line break": {"headers": {"task": "mail.send", "id": "a\nb"}},
    "id too long": {"headers": {"task": "mail.send", "id": "a" * 256}},
    "no headers": {"headers": None},
    "headers empty": {"headers": {}},
    "headers a list": {"headers": []},
    "task missing": {"headers": {"id": "1"}},
    "task a list": {"headers": {"task": ["mail.send"], "id": "1"}},
    "unknown task": {"headers": {"task": "mail.sand", "id": "1"}},
    "compressed": {"headers": {"task": "mail.send", "id": "1", "compression": "gzip"}},
    "bad eta": {"headers": {"task": "mail.send", "id": "1", "eta": "soon"}},
    "eta a number": {"headers": {"task": "mail.send", "id": "1", "eta": 5}},
    "eta a list": {"headers": {"task": "mail.send", "id": "1", "eta": [1]}},
    "eta ahead": {"headers": {"task": "mail.send", "id": "1", "eta": "2999-01-01T00:00:00Z"}},
    "bad expires": {"headers": {"task": "mail.send", "id": "1", "expires": "later"}},
    "expires a number": {"headers": {"task": "mail.send", "id": "1", "expires": 60}},
    "expires at all": {"headers": {"task": "mail.send", "id": "1", "expires": "2999-01-01T00:00"}},
    "retries a text": {"headers": {"task": "mail.send", "id": "1", "retries": "1"}},
    "retries true": {"headers": {"task": "mail.send", "id": "1", "retries": True}},
    "timelimit of one": {"headers": {"task": "mail.send", "id": "1", "timelimit": [1]}},
    "timelimit of texts": {"headers": {"task": "mail.send", "id": "1", "timelimit": ["1", "2"]}},
    "timelimit a number": {"headers": {"task": "mail.send", "id": "1", "timelimit": 5}},
    "root_id a number": {"headers": {"task": "mail.send", "id": "1", "root_id": 5}},
    "properties missing": {"properties": None},
    "properties a text": {"properties": "x"},
    "delivery_info null": {"properties": {"delivery_info": None}},
    "delivery_info a text": {"properties": {"delivery_info": "mail"}},
    "body not base64": {"properties": {"body_encoding": "base64"}, "body": "%%%"},
    "body base64 of bytes": {"properties": {"body_encoding": "base64"}, "body": "/w=="},
    "unknown body encoding": {"properties": {"body_encoding": "rot13"}},
    "body encoding a list": {"properties": {"body_encoding": []}},
    "body missing": {"body": None},
    "body a number": {"body": 5},
    "body a list": {"body": [["a"], {}, {}]},
    "body not JSON": {"body": "[["},
    "body with NaN": {"body": "[[NaN],{},{}]"},
    "body an object": {"body": '{"x": 1}'},
    "body a list of two": {"body": "[[1],{}]"},
    "args an object": {"body": "[{},{},{}]"},
    "args a text": {"body": '["ab",{},{}]'},
    "kwargs a list": {"body": "[[],[],{}]"},
    "embed a list": {"body": "[[],{},[1]]"},
    "embed with callbacks": {"body": '[[],{},{"callbacks":[{"task":"x"}]}]'},
    "body nested very deep": {"body": "[" * 100_000},
    "content type missing": {"content-type": None},
    "content type pickle": {"content-type": "application/x-python-serialize"},
    "content type a list": {"content-type": []},
    "content encoding binary": {"content-encoding": "binary"},
    "content encoding a list": {"content-encoding": []},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_a_message_with_one_thing_wrong_is_refused(task_message: Make, changes: Any) -> None:
    with pytest.raises(RefusedError) as refusal:
        opened(task_message(**changes))
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "null",
        "17",
        "[]",
        '"text"',
        base64_of("hello"),
        base64_of("[1]"),
        "/w==",
        "[" * 100_000,
        '{"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": "hi"}',
        '{"Records": [{"eventSource": "aws:s3"}]}',
        '{"task": "mail.send", "id": "1", "args": [], "kwargs": {}}',
    ],
)
def test_a_body_from_somewhere_else_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        open_envelope(text, TASKS)


def test_any_task_is_admitted_where_none_are_named(task_message: Make) -> None:
    message = task_message(headers={"task": "anything", "id": "1"})
    assert open_envelope(json.dumps(message), None).headers["task"] == "anything"


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("mail.sand", "The task 'mail.sand' is not known here."),
        ("ada@example.com", "The task is not known here."),
    ],
)
def test_the_reason_names_an_unknown_task_only_if_it_looks_like_one(
    task_message: Make, task: str, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        opened(task_message(headers={"task": task, "id": "1"}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLACES = ["body", "content-type", "content-encoding", "headers", "properties"]


@given(place=st.sampled_from(PLACES), value=json_values)
def test_no_value_in_any_place_gets_past_the_check_or_breaks_it(place: str, value: Any) -> None:
    message = {
        "body": "[[],{},{}]",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "mail.send", "id": "1"},
        "properties": {},
        place: value,
    }
    try:
        envelope = open_envelope(json.dumps(message), TASKS)
    except RefusedError:
        return
    args, kwargs, embed = envelope.payload
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    assert embed == {}


@given(text=st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    try:
        open_envelope(text, TASKS)
    except RefusedError:
        return
    raise AssertionError("random text was taken for a task message")
