"""How mistakes are told: to the developer with the values, to a log without them."""

from __future__ import annotations

import pickle
import traceback

import pytest

import mailsluice
from mailsluice import EnqueueInterruptedError, Message, MessageError, Report, UnsupportedVersion


def refused(**fields: object) -> MessageError:
    with pytest.raises(MessageError) as error:
        Message(**fields)
    return error.value


def test_the_text_quotes_the_value_and_tells_what_is_wrong_with_it() -> None:
    error = refused(to="ada@", subject="Hello", text="…")
    assert str(error) == 'to[0]: "ada@" is not an e-mail address: nothing follows the @'


def test_all_mistakes_are_told_at_once() -> None:
    error = refused(to=["ada@", "bob"], subject="a\nb", text="…", stream="News!", priority=1)
    assert {problem.field for problem in error.problems} == {
        "to[0]",
        "to[1]",
        "subject",
        "stream",
        "priority",
    }
    assert len(str(error).splitlines()) == 5


def test_mistakes_of_the_message_as_a_whole_are_told_at_once() -> None:
    error = refused(raw=b"x", headers={"X-A": "1"}, reply_to="ada@example.com")
    assert {problem.field for problem in error.problems} == {"to", "headers", "reply_to"}


def test_fields_have_the_names_that_the_caller_wrote() -> None:
    error = refused(to="a@example.com", from_="shop", template="", data={"x": object()})
    assert {problem.field for problem in error.problems} == {"from_", "template", "data"}


def test_fields_of_a_job_have_the_names_of_the_wire() -> None:
    with pytest.raises(MessageError) as error:
        mailsluice.parse_job({"from": "shop", "to": ["a@example.com"], "template": {"name": ""}})
    fields = {problem.field for problem in error.value.problems}
    assert fields == {"id", "from", "template.name"}


def test_the_redacted_text_holds_no_value() -> None:
    error = refused(
        to=["private@", "private name@example.com"],
        subject="private\nsubject",
        stream="Private",
        tags={"private.tag@example.com": "x"},
        headers={"Private: header": "x"},
        unsubscribe={"url": "http://private"},
        **{"private@example.com": "x"},
    )
    assert "private" not in error.redacted.lower()
    assert "\n" not in error.redacted
    assert "private@" in str(error)


def test_a_traceback_of_a_refusal_does_not_drag_in_the_values_a_second_time() -> None:
    error = refused(to="ada@example.com", subject="Secret\nsubject", text="Secret body")
    shown = "".join(traceback.format_exception(error))
    assert "Secret" not in shown
    assert "ValidationError" not in shown


def test_a_long_value_is_shown_in_part() -> None:
    error = refused(to="x" * 10_000, subject="Hello", text="…")
    assert len(str(error)) < 300


def test_a_message_error_is_a_value_error_and_a_mailsluice_error() -> None:
    error = refused()
    assert isinstance(error, ValueError)
    assert isinstance(error, mailsluice.MailsluiceError)


def test_an_unsupported_version_can_be_told_from_a_bad_message() -> None:
    with pytest.raises(UnsupportedVersion):
        mailsluice.parse_job({"version": 2, "body": "of some later shape"})


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, 1.5, None])
def test_a_version_that_never_was_is_a_bad_message(version: object) -> None:
    job = Message(to="ada@example.com", subject="Hello", text="…").to_wire()
    with pytest.raises(MessageError) as error:
        mailsluice.parse_job(job | {"version": version})
    assert type(error.value) is MessageError
    assert error.value.redacted == "version: must be 1"


@pytest.mark.parametrize("job", [None, [], "text", 7])
def test_a_job_that_is_no_object_is_a_bad_message(job: object) -> None:
    with pytest.raises(MessageError, match="must be an object"):
        mailsluice.parse_job(job)


def test_errors_survive_being_sent_between_processes() -> None:
    error = pickle.loads(pickle.dumps(refused(to="ada@")))  # noqa: S301  made one line above
    assert str(error) == str(refused(to="ada@"))
    interrupted = EnqueueInterruptedError("Stopped.", Report(taken=3))
    again = pickle.loads(pickle.dumps(interrupted))  # noqa: S301  made one line above
    assert str(again) == "Stopped. Of 3 messages, 0 are queued and 0 failed."
