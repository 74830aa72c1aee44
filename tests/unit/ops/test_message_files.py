"""Messages come from a file as one object, as an array, or one a line."""

from __future__ import annotations

import io
import json

import pytest

from config.errors import ConfigurationError
from mailsluice import Message, derived_id
from ops.message_file import read_messages

ADA = {"to": "ada@example.com", "subject": "Hello", "text": "Hello Ada"}
BOB = {"to": ["bob@example.com"], "template": {"name": "welcome", "data": {"n": 1}}}


def read(text: str) -> list[Message]:
    return read_messages(io.StringIO(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(ADA)}\n{json.dumps(BOB)}\n",
        f"\n{json.dumps(ADA)}\n\n{json.dumps(BOB)}",
        json.dumps([ADA, BOB]),
        json.dumps([ADA, BOB], indent=2),
    ],
    ids=["lines", "lines with empty ones", "array in one line", "array in many"],
)
def test_every_form_gives_the_same_messages(text: str) -> None:
    ada, bob = read(text)
    assert (ada.to, ada.subject, ada.text) == (("ada@example.com",), "Hello", "Hello Ada")
    assert bob.template is not None
    assert (bob.template.name, bob.template.data) == ("welcome", {"n": 1})
    assert ada.id != bob.id


@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_may_hold_one_message(indent: int | None) -> None:
    (message,) = read(json.dumps(ADA, indent=indent))
    assert message.to == ("ada@example.com",)


def test_an_id_or_an_idempotency_key_is_kept() -> None:
    given = "1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5"
    one, other = read(json.dumps([{**ADA, "id": given}, {**BOB, "idempotency_key": "k"}]))
    assert str(one.id) == given
    assert other.id == derived_id("transactional", "k")


def test_attachments_are_in_base64_as_on_the_wire() -> None:
    attachment = {"filename": "a.txt", "content": "aGVsbG8="}
    (message,) = read(json.dumps({**ADA, "attachments": [attachment]}))
    assert message.attachments[0].content == b"hello"


def test_every_mistake_is_reported_with_its_line_and_nothing_is_taken() -> None:
    bad = {"to": "ada", "subject": "Hello", "text": "x"}
    with pytest.raises(ConfigurationError) as refused:
        read(f"{json.dumps(bad)}\n{json.dumps(BOB)}\n{json.dumps({'nonsense': 1})}\n")
    text = str(refused.value)
    assert text.startswith("Nothing was sent:")
    assert 'line 1: to[0]: "ada" is not an e-mail address' in text
    assert "line 3: nonsense: is not a field" in text
    assert "line 2" not in text


def test_of_very_many_mistakes_the_first_are_shown_and_the_others_counted() -> None:
    with pytest.raises(ConfigurationError, match="and 30 more"):
        read("\n".join([json.dumps({**ADA, "nonsense": 1})] * 50))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no message"),
        ("\n \n", "no message"),
        ("[]", "no message"),
        ("{", "line 1: not JSON"),
        (f"{json.dumps(ADA)}\n{{", "line 2: not JSON"),
        ('{"to":\n nonsense}', "line 2: not JSON"),
        ("17", "a message is a JSON object"),
        ("[1]", "message 1: a message is a JSON object"),
    ],
)
def test_what_is_no_file_of_messages_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        read(text)
