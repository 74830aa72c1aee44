"""What a message is, and what an application may leave to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

import mailsluice
from mailsluice import Attachment, Message, MessageError, Template, Unsubscribe


def a_message(**fields: Any) -> Message:
    return Message(
        **{"to": "ada@example.com", "subject": "Hello", "text": "Good morning."} | fields
    )


def test_one_recipient_may_be_given_without_a_list() -> None:
    assert a_message(to="ada@example.com").to == ("ada@example.com",)
    assert a_message(to=["ada@example.com"]).to == ("ada@example.com",)


def test_recipients_are_bare_addresses_of_to_cc_and_bcc() -> None:
    message = a_message(to="Ada <ada@example.com>", cc="bob@example.com", bcc=["eve@example.com"])
    assert message.recipients() == ["ada@example.com", "bob@example.com", "eve@example.com"]


def test_an_address_named_twice_receives_one_mail_at_its_first_place() -> None:
    message = a_message(
        to=["Ada <ada@example.com>", "bob@example.com", "ADA@example.com"],
        cc=["Bob@example.com", "eve@example.com"],
        bcc=["eve@example.com", "ada@example.com", "zed@example.com"],
    )
    assert message.to == ("Ada <ada@example.com>", "bob@example.com")
    assert message.cc == ("eve@example.com",)
    assert message.bcc == ("zed@example.com",)


def test_fifty_recipients_are_possible_and_repetitions_do_not_count() -> None:
    fifty = [f"user{number}@example.com" for number in range(50)]
    assert len(a_message(to=fifty, cc=fifty).recipients()) == 50


def test_every_message_has_an_id_of_its_own() -> None:
    assert a_message().id != a_message().id


def test_a_given_id_is_kept() -> None:
    given = uuid4()
    assert a_message(id=given).id == given
    assert a_message(id=str(given)).id == given


def test_the_same_key_in_the_same_stream_is_the_same_message() -> None:
    first = a_message(idempotency_key="order-4711")
    assert a_message(idempotency_key="order-4711", subject="Other").id == first.id
    assert a_message(idempotency_key="order-4712").id != first.id
    assert a_message(idempotency_key="order-4711", stream="marketing").id != first.id


def test_the_id_of_a_key_never_changes_between_releases() -> None:
    derived = mailsluice.derived_id("transactional", "order-4711")
    assert derived == UUID("7d6f441d-9479-5523-8096-bf80ef51256e")
    assert a_message(idempotency_key="order-4711").id == derived


def test_a_template_is_named_and_its_data_given_beside_it() -> None:
    message = Message(to="ada@example.com", template="welcome", data={"name": "Ada"})
    assert message.template == Template(name="welcome", data={"name": "Ada"})
    assert message.template.data_json == '{"name":"Ada"}'


def test_what_the_caller_changes_later_is_not_part_of_the_message() -> None:
    data = {"names": ["Ada"]}
    message = Message(to="ada@example.com", template="welcome", data=data)
    data["names"].append("Eve")
    assert message.template is not None
    assert message.template.data == {"names": ["Ada"]}


def test_a_message_does_not_change_once_it_is_made() -> None:
    with pytest.raises(ValueError, match="frozen"):
        a_message().subject = "Other"


def test_none_means_not_given() -> None:
    assert a_message(cc=None, headers=None, send_at=None, from_=None, tags=None).cc == ()


def test_times_travel_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    message = a_message(send_at=datetime(2030, 6, 1, 12, 0, tzinfo=zone))
    assert message.send_at == datetime(2030, 6, 1, 10, 0, tzinfo=UTC)
    assert message.to_wire()["send_at"] == "2030-06-01T10:00:00Z"


def test_a_file_is_given_as_bytes_and_travels_as_base64() -> None:
    message = a_message(attachments=[Attachment("hello.txt", b"Hello")])
    assert message.to_wire()["attachments"] == [{"filename": "hello.txt", "content": "SGVsbG8="}]
    parsed = mailsluice.parse_job(message.to_wire())
    assert parsed.attachments[0].content == b"Hello"


def test_finished_mime_is_given_as_bytes_and_travels_as_base64() -> None:
    message = Message(to="ada@example.com", raw=b"Subject: Hi\r\n\r\nHello")
    assert message.to_wire()["raw"] == "U3ViamVjdDogSGkNCg0KSGVsbG8="


def test_the_way_to_unsubscribe_becomes_the_headers_of_rfc_8058() -> None:
    unsubscribe = Unsubscribe(url="https://example.com/u/1", mailto="Leave <leave+1@example.com>")
    assert unsubscribe.headers == {
        "List-Unsubscribe": "<https://example.com/u/1>, <mailto:leave+1@example.com>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_without_one_click_there_is_no_post_header() -> None:
    unsubscribe = Unsubscribe(url="https://example.com/u/1", one_click=False)
    assert unsubscribe.headers == {"List-Unsubscribe": "<https://example.com/u/1>"}


def test_a_printed_message_shows_no_address_subject_or_body() -> None:
    message = a_message(
        from_="shop@example.com",
        attachments=[Attachment("secret.txt", b"content")],
        unsubscribe={"url": "https://example.com/u/1"},
    )
    for shown in (
        repr(message),
        str(message),
        repr(message.attachments),
        repr(message.unsubscribe),
    ):
        assert str(message.id) in repr(message)
        for private in ("example.com", "Hello", "morning", "secret", "content=", "/u/1"):
            assert private not in shown


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {f"X-Header-{number}": "1" for number in range(15)}},
        {"headers": {"X-Long": "v" * 990}},
        {"tags": {f"tag{number}": "1" for number in range(8)}},
        {"tags": {"t" * 256: "v" * 256}},
        {"stream": "a" * 40},
        {"configuration_set": "C" * 64, "tenant": "t" * 64},
        {"subject": "s" * 998},
        {"idempotency_key": "k" * 255},
        {"unsubscribe": {"url": "https://example.com/" + "u" * 950}},
        {"attachments": [Attachment("f" * 255, b"1", content_type="application/x-" + "t" * 64)]},
        {"template": "t", "data": {"text": "x" * 262_000}, "subject": None, "text": None},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_value_may_be_as_large_as_ses_takes_it(fields: dict[str, Any]) -> None:
    message = a_message(**fields)
    assert mailsluice.parse_job(message.to_wire()) == message


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"headers": {f"X-Header-{number}": "1" for number in range(16)}}, "headers"),
        ({"headers": {"X-Long": "v" * 991}}, "headers.X-Long"),
        ({"headers": {"X" * 127: "v"}}, "headers." + "X" * 127),
        ({"headers": {"X Y": "v"}}, "headers.X Y"),
        ({"headers": {"X-Empty": ""}}, "headers.X-Empty"),
        ({"headers": {"X-A": "1\r\nBcc: eve@example.com"}}, "headers.X-A"),
        ({"headers": {"Message-ID": "<1@x>"}}, "headers.Message-ID"),
        ({"headers": {"X-SES-Configuration-Set": "x"}}, "headers.X-SES-Configuration-Set"),
        ({"tags": {f"tag{number}": "1" for number in range(9)}}, "tags"),
        ({"tags": {"t" * 257: "v"}}, "tags." + "t" * 257),
        ({"tags": {"kind": "a b"}}, "tags.kind"),
        ({"tags": {"Mailsluice_x": "1"}}, "tags.Mailsluice_x"),
        ({"stream": "a" * 41}, "stream"),
        ({"stream": "-a"}, "stream"),
        ({"configuration_set": "C" * 65}, "configuration_set"),
        ({"tenant": "a.b"}, "tenant"),
        ({"subject": "s" * 999}, "subject"),
        ({"subject": "  "}, "subject"),
        ({"text": ""}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "half \ud83d"}, "text"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"idempotency_key": "a\nb"}, "idempotency_key"),
        ({"unsubscribe": {"url": "https://example.com/" + "u" * 980}}, "unsubscribe.url"),
        ({"unsubscribe": {"url": "https:///path"}}, "unsubscribe.url"),
        ({"unsubscribe": {"url": "https://example.com/a b"}}, "unsubscribe.url"),
        ({"unsubscribe": {"url": "https://[x"}}, "unsubscribe.url"),
        ({"unsubscribe": {"mailto": "x@example.com"}}, "unsubscribe.url"),
        ({"template": "t", "data": {"x": "x" * 262_144}, "subject": None, "text": None}, "data"),
        (
            {"template": "t", "data": {"x": datetime.now(UTC)}, "subject": None, "text": None},
            "data",
        ),
        ({"template": "t", "data": {"x": float("nan")}, "subject": None, "text": None}, "data"),
        ({"template": "t", "data": {1: "x"}, "subject": None, "text": None}, "data"),
        ({"template": "t", "data": {"x": "\x00"}, "subject": None, "text": None}, "data"),
        ({"template": "t", "data": {"x": "\ud83d"}, "subject": None, "text": None}, "data"),
        ({"data": {"name": "Ada"}, "subject": None, "text": None}, "template"),
        ({"raw": "text", "subject": None, "text": None}, "raw"),
        ({"raw": b"", "subject": None, "text": None}, "raw"),
        ({"send_at": datetime(2030, 1, 1)}, "send_at"),  # noqa: DTZ001  the case is the missing zone
        ({"send_at": 1893456000}, "send_at"),
        ({"attachments": [{"filename": "a", "content": "SGk="}]}, "attachments[0].content"),
        ({"attachments": [{"filename": "a\nb", "content": b"1"}]}, "attachments[0].filename"),
        ({"attachments": [{"filename": "a"}]}, "attachments[0].content"),
        (
            {"attachments": [{"filename": "a", "content": b"1", "disposition": "inline"}]},
            "attachments[0].content_id",
        ),
        (
            {"attachments": [{"filename": "a", "content": b"1", "content_type": "pdf"}]},
            "attachments[0].content_type",
        ),
        (
            {
                "unsubscribe": {"url": "https://example.com/u"},
                "headers": {"list-unsubscribe": "<https://example.com/v>"},
            },
            "headers",
        ),
        (
            {
                "unsubscribe": {"url": "https://example.com/u"},
                "headers": {f"X-Header-{number}": "1" for number in range(14)},
            },
            "headers",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_ses_would_refuse_is_refused_with_the_name_of_the_field(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(MessageError) as error:
        a_message(**fields)
    assert [problem.field for problem in error.value.problems] == [field]


def test_a_backslash_before_u0000_in_template_data_is_not_a_nul() -> None:
    data = {"path": "C:\\u0000"}
    message = Message(to="ada@example.com", template="welcome", data=data)
    assert message.template is not None
    assert message.template.data == data


def test_an_attachment_by_itself_names_its_problem() -> None:
    with pytest.raises(MessageError, match="filename: is empty"):
        Attachment("", b"x")
