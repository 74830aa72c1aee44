"""What SES accepts, what it refuses, and in which words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox


def test_an_accepted_mail_is_in_the_truth_with_its_tags(outbox: Outbox, control: Control) -> None:
    message_id = outbox.send("ada@example.org", EmailTags=[{"Name": "message-id", "Value": "4f1c"}])

    (send,) = control.sends()

    assert send.ses_message_id == message_id
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f-]{36}-000000", message_id)
    assert send.tags == {"message-id": "4f1c"}
    assert (send.source, send.to, send.cc, send.bcc) == (
        outbox.sender,
        ["ada@example.org"],
        [],
        [],
    )
    assert (send.recipients, send.configuration_set) == (1, "transactional")
    assert (send.content_kind, send.action) == ("simple", "SendEmail")


def test_a_refused_mail_is_not_in_the_truth(outbox: Outbox, control: Control) -> None:
    outbox.refusal("not an address")

    assert control.sends() == []


def test_a_display_name_and_a_subdomain_of_a_verified_domain_may_send(outbox: Outbox) -> None:
    assert outbox.send(FromEmailAddress='"Doe, Jane" <jane@news.example.com>')


def test_an_unverified_sender_is_rejected_with_its_name_and_region(outbox: Outbox) -> None:
    code, text = outbox.refusal(FromEmailAddress="who@elsewhere.test")

    assert code == "MessageRejected"
    assert text == (
        "Email address is not verified. The following identities failed the check in region "
        "EU-WEST-1: who@elsewhere.test"
    )


def test_identities_need_not_be_verified_when_told_so(outbox: Outbox, control: Control) -> None:
    control.ses(strict_identities=False)

    assert outbox.send(FromEmailAddress="who@elsewhere.test")


def test_in_the_ses_sandbox_recipients_must_be_verified_too(
    outbox: Outbox, control: Control
) -> None:
    control.ses(production_access=False)

    code, text = outbox.refusal("ada@example.org")

    assert code == "MessageRejected"
    assert "ada@example.org" in text
    assert outbox.send("friend@example.com")
    assert outbox.send("success+1@simulator.amazonses.com")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("ada", "Missing final '@domain'"),
        ("ada@", "Missing domain"),
        ("a b@example.org", "Local address contains control or whitespace"),
        ("ädä@example.org", "Local address contains illegal character"),
        ("ada@exa mple.org", "Domain contains control or whitespace"),
        ("ada@exämple.org", "Domain contains illegal character"),
        ("Ada <ada@example.org", "Illegal address"),
    ],
)
def test_an_address_that_is_none_refuses_the_whole_message(
    outbox: Outbox, control: Control, address: str, text: str
) -> None:
    refusal = outbox.refusal("bob@example.org", address)

    assert refusal == ("BadRequestException", text)
    assert control.sends() == []


def test_fifty_recipients_pass_and_fifty_one_do_not(outbox: Outbox, control: Control) -> None:
    control.ses(max_send_rate=100)
    crowd = [f"reader{number}@example.org" for number in range(50)]

    outbox.send(*crowd)
    code, text = outbox.refusal(*crowd, "one-more@example.org")

    assert (code, text) == ("BadRequestException", "Recipient count exceeds 50.")
    assert control.sends()[0].recipients == 50


def test_a_mail_needs_a_recipient(outbox: Outbox) -> None:
    refusal = outbox.refusal(Destination={})

    assert refusal == ("BadRequestException", "Missing required header 'To'.")


@pytest.mark.parametrize(("name", "value"), [("id", "a.b"), ("id", "a b"), ("e@mail", "1")])
def test_a_tag_with_other_characters_is_refused(outbox: Outbox, name: str, value: str) -> None:
    code, text = outbox.refusal(EmailTags=[{"Name": name, "Value": value}])

    assert code == "BadRequestException"
    assert "only alphanumeric ASCII characters" in text


def simple(**more: object) -> dict[str, Any]:
    """Simple content with something added."""
    content = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hi"}}}
    return {"Simple": content | more}


@pytest.mark.parametrize(
    "headers",
    [
        [{"Name": "Subject", "Value": "other"}],
        [{"Name": "Reply-To", "Value": "x@example.com"}],
        [{"Name": "X-Name", "Value": "ünprintable"}],
        [{"Name": "X: Y", "Value": "z"}],
        [{"Name": f"X-{number}", "Value": "y"} for number in range(16)],
        [{"Name": "List-Unsubscribe", "Value": f"<https://x.test/{n}>"} for n in "ab"],
    ],
    ids=["reserved", "reply-to", "non-ascii", "bad name", "sixteen", "twice"],
)
def test_a_header_that_ses_would_not_take_is_refused(
    outbox: Outbox, headers: list[dict[str, str]]
) -> None:
    code, _ = outbox.refusal(Content=simple(Headers=headers))

    assert code == "BadRequestException"


def test_one_click_unsubscribe_headers_pass(outbox: Outbox) -> None:
    headers = [
        {"Name": "List-Unsubscribe", "Value": "<https://example.com/u/1>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]

    assert outbox.send(Content=simple(Headers=headers))


def test_a_mail_over_forty_megabytes_is_refused(outbox: Outbox) -> None:
    body = {"Text": {"Data": "x" * (40 * 1024 * 1024)}}

    code, text = outbox.refusal(Content=simple(Body=body))

    assert code == "BadRequestException"
    assert text.startswith("Message length is more than the allowed 41943040 bytes")


def test_attachments_count_towards_the_size(outbox: Outbox) -> None:
    attachment = {"FileName": "big.bin", "RawContent": b"x" * (31 * 1024 * 1024)}

    code, text = outbox.refusal(Content=simple(Attachments=[attachment]))

    assert code == "BadRequestException"
    assert "Message length" in text


def test_an_unknown_configuration_set_refuses_the_mail(outbox: Outbox) -> None:
    refusal = outbox.refusal(ConfigurationSetName="nowhere")

    assert refusal == ("NotFoundException", "Configuration set <nowhere> does not exist.")


def test_an_unknown_template_refuses_the_mail(outbox: Outbox) -> None:
    refusal = outbox.refusal(Content={"Template": {"TemplateName": "nowhere"}})

    assert refusal == ("NotFoundException", "Template nowhere does not exist.")


def test_a_paused_configuration_set_refuses_its_own_mail_only(
    outbox: Outbox, simulator: Aws
) -> None:
    simulator.ses.put_configuration_set_sending_options(
        ConfigurationSetName="transactional", SendingEnabled=False
    )

    code, text = outbox.refusal()

    assert code == "SendingPausedException"
    assert "configuration set transactional" in text
    assert outbox.send(ConfigurationSetName=None)


def test_configuration_sets_can_be_paused_from_outside(outbox: Outbox, control: Control) -> None:
    control.ses(paused_configuration_sets=["transactional"])

    assert outbox.refusal()[0] == "SendingPausedException"


def test_a_paused_account_refuses_everything(outbox: Outbox, simulator: Aws) -> None:
    simulator.ses.put_account_sending_attributes(SendingEnabled=False)

    assert outbox.refusal()[0] == "SendingPausedException"
    assert simulator.ses.get_account()["SendingEnabled"] is False


def test_a_paused_account_may_answer_as_a_rejected_message(
    outbox: Outbox, control: Control
) -> None:
    control.ses(sending_enabled=False, paused_as="message_rejected")

    code, text = outbox.refusal()

    assert code == "MessageRejected"
    assert text.startswith("Sending paused for this account.")


def test_an_account_shut_down_by_aws_does_not_send(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    control.ses(enforcement_status="SHUTDOWN")

    assert outbox.refusal()[0] == "SendingPausedException"
    account = simulator.ses.get_account()
    assert (account["EnforcementStatus"], account["SendingEnabled"]) == ("SHUTDOWN", False)


def test_a_suspended_account_does_not_send(outbox: Outbox, control: Control) -> None:
    control.ses(suspended=True)

    assert outbox.refusal()[0] == "AccountSuspendedException"


def test_a_raw_mail_may_carry_everything_in_its_headers(outbox: Outbox, control: Control) -> None:
    raw = (
        b"From: post@example.com\r\nTo: Ada <ada@example.org>\r\nCc: bob@example.org\r\n"
        b"Subject: Hello\r\nX-SES-CONFIGURATION-SET: transactional\r\n"
        b"X-SES-MESSAGE-TAGS: id=42, stream=bulk\r\n\r\nHi\r\n"
    )

    outbox.send(
        Content={"Raw": {"Data": raw}},
        FromEmailAddress=None,
        Destination=None,
        ConfigurationSetName=None,
    )

    (send,) = control.sends()
    assert (send.to, send.cc) == (["Ada <ada@example.org>"], ["bob@example.org"])
    assert send.tags == {"id": "42", "stream": "bulk"}
    assert (send.configuration_set, send.content_kind) == ("transactional", "raw")


def test_the_default_configuration_set_of_an_identity_applies(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    simulator.ses.put_email_identity_configuration_set_attributes(
        EmailIdentity="example.com", ConfigurationSetName="transactional"
    )

    outbox.send(ConfigurationSetName=None)

    assert control.sends()[0].configuration_set == "transactional"
    assert [event["eventType"] for event in outbox.events(2)] == ["Send", "Delivery"]
