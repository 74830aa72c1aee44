"""What a message becomes for SES: every field in its place, and nothing that SES would refuse."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from config.settings import load_settings
from config.streams import Stream
from mailsluice import Attachment, Message
from mailsluice.content import S3Object
from worker.ses import request as ses_request
from worker.ses.outcomes import Halt, Scope
from worker.ses.request import UnsupportedContentError

if TYPE_CHECKING:
    from botocore.model import Shape

ID = uuid.UUID("018f4f7e-0000-7000-8000-000000000001")
TAGS = [
    {"Name": "mailsluice-message-id", "Value": str(ID)},
    {"Name": "mailsluice-stream", "Value": "transactional"},
]
STREAM = Stream(name="transactional", queue="q", configuration_set="stream-set")
SENDER = "default@example.com"
ADA = "Ada <Ada@example.com>"
SHAPE = get_session().get_service_model("sesv2").operation_model("SendEmail").input_shape


def message(**fields: Any) -> Message:
    content = {} if {"template", "raw"} & set(fields) else {"subject": "Hello", "text": "Hi"}
    return Message(**{"id": ID, "to": "ada@example.com", **content, **fields})


def build(sent: Message, *, stream: Stream = STREAM, blocked: tuple[str, ...] = ()) -> Any:
    """The request, after botocore's model of SES has found nothing wrong with it."""
    made = ses_request.build(sent, stream, sender=SENDER, blocked=frozenset(blocked))
    assert problems(made) == []
    return made


def problems(request: dict[str, Any]) -> list[str]:
    """What SES's model has against it: names, types, bounds and patterns."""
    found = ParamValidator().validate(request, SHAPE).generate_report().splitlines()
    return found or _out_of_bounds(SHAPE, request, "")


def _out_of_bounds(shape: Shape, value: Any, where: str) -> list[str]:
    # botocore itself leaves greatest lengths and patterns to the service.
    if shape.type_name == "structure":
        parts = [(shape.members[name], each, f"{where}.{name}") for name, each in value.items()]
    elif shape.type_name == "list":
        parts = [(shape.member, each, where) for each in value]
    else:
        parts = []
    found = [problem for part in parts for problem in _out_of_bounds(*part)]
    is_too_long = shape.type_name != "blob" and len(value) > shape.metadata.get("max", len(value))
    pattern = shape.metadata.get("pattern") if isinstance(value, str) else None
    if is_too_long or (pattern and not re.fullmatch(pattern.strip("^$"), value)):
        found.append(where)
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"Sender": "me@example.com"},
        {"EmailTags": {"a": "b"}},
        {"Content": {"Template": {"TemplateName": ""}}},
        {"Content": {"Simple": {"Subject": {}, "Body": {}}}},
        {"Content": {"Template": {"Headers": [{"Name": "X-A", "Value": "Größe"}]}}},
        {"Content": {"Template": {"Headers": [{"Name": "X-A", "Value": "a"}] * 16}}},
        {"Content": {"Template": {"TemplateData": "x" * 262_145}}},
    ],
)
def test_a_malformed_request_could_not_pass_here(change: dict[str, Any]) -> None:
    assert problems({**build(message()), **change}) != []


def test_a_simple_message_in_full() -> None:
    sent = message(
        from_="Me <me@example.com>",
        to=["Ada <ada@example.com>", "bob@example.com"],
        cc="cy@example.com",
        bcc="dan@example.com",
        reply_to=["help@example.com", "desk@example.com"],
        subject="Grüße",
        text="Hällo",
        html="<p>Hällo</p>",
        headers={"X-Campaign": "spring"},
        tags={"campaign": "spring"},
        configuration_set="own-set",
    )
    assert build(sent) == {
        "FromEmailAddress": "Me <me@example.com>",
        "Destination": {
            "ToAddresses": ["Ada <ada@example.com>", "bob@example.com"],
            "CcAddresses": ["cy@example.com"],
            "BccAddresses": ["dan@example.com"],
        },
        "ReplyToAddresses": ["help@example.com", "desk@example.com"],
        "Content": {
            "Simple": {
                "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": "Hällo", "Charset": "UTF-8"},
                    "Html": {"Data": "<p>Hällo</p>", "Charset": "UTF-8"},
                },
                "Headers": [{"Name": "X-Campaign", "Value": "spring"}],
            }
        },
        "EmailTags": [{"Name": "campaign", "Value": "spring"}, *TAGS],
        "ConfigurationSetName": "own-set",
    }


def test_a_template_message_in_full() -> None:
    sent = message(template="welcome", data={"name": "Ada"}, headers={"X-A": "1"})
    assert build(sent) == {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Template": {
                "TemplateName": "welcome",
                "TemplateData": '{"name":"Ada"}',
                "Headers": [{"Name": "X-A", "Value": "1"}],
            }
        },
        "EmailTags": TAGS,
        "ConfigurationSetName": "stream-set",
    }


def test_a_template_without_data_gets_an_empty_object() -> None:
    template = build(message(template="welcome"))["Content"]["Template"]
    assert template == {"TemplateName": "welcome", "TemplateData": "{}"}


def test_a_raw_message_goes_as_it_is_to_the_recipients_that_the_message_names() -> None:
    mime = b"From: me@example.com\r\nTo: someone@example.com\r\n\r\nHi"
    assert build(message(raw=mime, from_="me@example.com", bcc="dan@example.com")) == {
        "FromEmailAddress": "me@example.com",
        "Destination": {
            "ToAddresses": ["ada@example.com"],
            "BccAddresses": ["dan@example.com"],
        },
        "Content": {"Raw": {"Data": mime}},
        "EmailTags": TAGS,
        "ConfigurationSetName": "stream-set",
    }


@pytest.mark.parametrize("kind", ["text", "html"])
def test_a_body_of_one_kind_has_no_other(kind: str) -> None:
    sent = Message(to="ada@example.com", subject="Hello", **{kind: "Hi"})
    body = build(sent)["Content"]["Simple"]["Body"]
    assert body == {kind.title(): {"Data": "Hi", "Charset": "UTF-8"}}


@pytest.mark.parametrize("content", [{"subject": "s", "text": "t"}, {"template": "welcome"}])
def test_the_way_to_unsubscribe_goes_as_headers_beside_the_others(content: dict[str, str]) -> None:
    sent = message(
        **content,
        headers={"X-A": "1"},
        unsubscribe={"url": "https://example.com/u/1", "mailto": "leave@example.com"},
    )
    [made] = build(sent)["Content"].values()
    assert made["Headers"] == [
        {"Name": "X-A", "Value": "1"},
        {
            "Name": "List-Unsubscribe",
            "Value": "<https://example.com/u/1>, <mailto:leave@example.com>",
        },
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]


def test_names_and_headers_beyond_ascii_go_as_encoded_words() -> None:
    word = "=?utf-8?b?R3LDtsOfZQ==?="
    sent = message(
        from_="Größe <me@example.com>",
        to="Größe <ada@bücher.example>",
        reply_to="Größe <help@example.com>",
        headers={"X-Size": word},
    )
    made = build(sent)
    assert made["FromEmailAddress"] == f"{word} <me@example.com>"
    assert made["Destination"]["ToAddresses"] == [f"{word} <ada@xn--bcher-kva.example>"]
    assert made["ReplyToAddresses"] == [f"{word} <help@example.com>"]
    assert made["Content"]["Simple"]["Headers"] == [{"Name": "X-Size", "Value": word}]


@pytest.mark.parametrize("content", [{"subject": "s", "text": "t"}, {"template": "welcome"}])
def test_attachments_go_with_all_that_is_known_of_them(content: dict[str, str]) -> None:
    logo = Attachment(
        "logo.png",
        b"\x89PNG",
        content_type="image/png",
        disposition="inline",
        content_id="logo",
        description="Our logo",
    )
    [made] = build(message(**content, attachments=[logo, Attachment("a.txt", b"hi")]))[
        "Content"
    ].values()
    assert made["Attachments"] == [
        {
            "FileName": "logo.png",
            "RawContent": b"\x89PNG",
            "ContentType": "image/png",
            "ContentDisposition": "INLINE",
            "ContentId": "logo",
            "ContentDescription": "Our logo",
        },
        {"FileName": "a.txt", "RawContent": b"hi", "ContentDisposition": "ATTACHMENT"},
    ]


def test_an_attachment_in_s3_is_refused_before_the_claim() -> None:
    place = S3Object(bucket="b", key="k")
    ses_request.check_supported(message(attachments=[Attachment("a.txt", b"hi")]))
    with pytest.raises(UnsupportedContentError, match="S3"):
        ses_request.check_supported(message(attachments=[Attachment("a.txt", s3=place)]))


@pytest.mark.parametrize(
    ("own", "of_stream", "used"),
    [
        ("own-set", "stream-set", "own-set"),
        ("own-set", None, "own-set"),
        (None, "stream-set", "stream-set"),
        (None, None, None),
    ],
)
def test_the_messages_configuration_set_goes_before_the_streams(
    own: str | None, of_stream: str | None, used: str | None
) -> None:
    stream = Stream(name="transactional", queue="q", configuration_set=of_stream)
    made = build(message(configuration_set=own), stream=stream)
    assert made.get("ConfigurationSetName", "none") == (used or "none")


@pytest.mark.parametrize(
    ("blocked", "to", "cc", "bcc"),
    [
        ([], [ADA], ["b@x.org", "c@x.org"], ["d@x.org"]),
        (["b@x.org"], [ADA], ["c@x.org"], ["d@x.org"]),
        (["d@x.org"], [ADA], ["b@x.org", "c@x.org"], None),
        (["b@x.org", "c@x.org", "d@x.org"], [ADA], None, None),
        (["ada@example.com"], ["b@x.org", "c@x.org"], None, ["d@x.org"]),
        (["ada@example.com", "b@x.org", "c@x.org"], None, None, ["d@x.org"]),
    ],
)
def test_nobody_blocked_is_written_to_and_nobody_unseen_comes_to_light(
    blocked: list[str], to: list[str] | None, cc: list[str] | None, bcc: list[str] | None
) -> None:
    sent = message(to=ADA, cc=["b@x.org", "c@x.org"], bcc="d@x.org")
    wanted = {"ToAddresses": to, "CcAddresses": cc, "BccAddresses": bcc}
    made = build(sent, blocked=tuple(blocked))
    assert made["Destination"] == {name: each for name, each in wanted.items() if each}


def test_no_tag_of_a_message_hides_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    # The contract reserves these names; should it ever not, the events must still find the message.
    sent = message()
    monkeypatch.setitem(sent.__dict__, "tags", {"mailsluice-message-id": "other"})
    assert build(sent)["EmailTags"] == TAGS


def test_building_changes_nothing_of_the_message() -> None:
    sent = message(headers={"X-A": "1"}, tags={"a": "b"}, unsubscribe={"url": "https://x.org/u"})
    before = sent.to_wire()
    build(sent, blocked=("ada@example.com",))
    assert sent.to_wire() == before


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        (None, "me@example.com"),
        ("Me", "Me <me@example.com>"),
        ("Me, Inc.", '"Me, Inc." <me@example.com>'),
        ("Größe", "=?utf-8?b?R3LDtsOfZQ==?= <me@example.com>"),
    ],
)
def test_a_message_without_sender_comes_from_the_workers(name: str | None, sender: str) -> None:
    settings = load_settings(email_from="me@example.com", email_from_name=name)
    assert ses_request.default_sender(settings) == sender


def test_without_any_sender_the_message_waits_and_says_what_to_set() -> None:
    assert ses_request.default_sender(load_settings()) is None
    outcome = ses_request.no_sender()
    assert (type(outcome), outcome.scope) == (Halt, Scope.MESSAGE)
    assert "EMAIL_FROM" in outcome.why.reason


def test_a_raw_message_without_a_sender_keeps_the_one_in_its_own_headers() -> None:
    assert "FromEmailAddress" not in build(message(raw=b"From: me@example.com\n\nHi"))


@pytest.mark.parametrize(("ses_tenants", "expected"), [(True, "acme"), (False, None)])
def test_a_tenant_is_ses_tenant_only_where_the_stream_says_so(
    expected: str | None, *, ses_tenants: bool
) -> None:
    stream = STREAM.model_copy(update={"ses_tenants": ses_tenants})
    assert build(message(tenant="acme"), stream=stream).get("TenantName") == expected
