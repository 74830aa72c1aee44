"""The events of SES come through SNS as SES would publish them."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox

EICAR = base64.b64decode(
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The kinds of some events, in their order."""
    return [event["eventType"] for event in events]


def test_choosing_a_topic_sends_it_the_text_that_is_no_json(outbox: Outbox) -> None:
    assert outbox.validation_text == (
        "Successfully validated SNS topic for Amazon SES event publishing."
    )


def test_an_ordinary_address_yields_send_and_delivery(outbox: Outbox) -> None:
    message_id = outbox.send(
        "Ada <ada@example.org>", EmailTags=[{"Name": "message-id", "Value": "4f1c"}]
    )

    send, delivery = outbox.events(2)

    assert (send["eventType"], send["send"]) == ("Send", {})
    mail = send["mail"]
    assert mail["messageId"] == message_id
    assert mail["source"] == outbox.sender
    assert mail["sourceArn"] == "arn:aws:ses:eu-west-1:000000000000:identity/example.com"
    assert mail["sendingAccountId"] == "000000000000"
    assert mail["destination"] == ["Ada <ada@example.org>"]
    assert mail["headersTruncated"] is False
    assert {"name": "Subject", "value": "Hello"} in mail["headers"]
    assert mail["commonHeaders"]["subject"] == "Hello"
    assert mail["tags"]["message-id"] == ["4f1c"]
    assert mail["tags"]["ses:configuration-set"] == ["transactional"]
    assert mail["tags"]["ses:from-domain"] == ["example.com"]
    assert delivery["eventType"] == "Delivery"
    assert delivery["delivery"]["recipients"] == ["ada@example.org"]
    assert delivery["delivery"]["processingTimeMillis"] >= 0
    assert "ses:outgoing-ip" in delivery["mail"]["tags"]


def test_the_text_of_an_event_ends_with_a_newline(outbox: Outbox) -> None:
    outbox.send()

    assert all(text.endswith("}\n") for text in outbox.texts(2))


def test_wrapped_events_have_the_subject_of_ses(outbox: Outbox, simulator: Aws) -> None:
    wrapped = simulator.queue("wrapped")
    simulator.sns.subscribe(
        TopicArn=outbox.topic_arn, Protocol="sqs", Endpoint=simulator.arn_of(wrapped)
    )

    outbox.send()

    (message,) = simulator.receive(wrapped, WaitTimeSeconds=5, MaxNumberOfMessages=1)
    envelope = json.loads(message["Body"])
    assert envelope["Subject"] == "Amazon SES Email Event Notification"
    assert json.loads(envelope["Message"])["eventType"] == "Send"


@pytest.mark.parametrize("local_part", ["success", "success+42", "ooto"])
def test_success_and_out_of_office_are_delivered(outbox: Outbox, local_part: str) -> None:
    outbox.send(f"{local_part}@simulator.amazonses.com")

    assert kinds(outbox.events(2)) == ["Send", "Delivery"]


@pytest.mark.parametrize("local_part", ["bounce", "bounce+run42"])
def test_bounce_bounces_for_good(outbox: Outbox, local_part: str) -> None:
    address = f"{local_part}@simulator.amazonses.com"
    outbox.send(address)

    _, event = outbox.events(2)

    bounce = event["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", "General")
    (recipient,) = bounce["bouncedRecipients"]
    assert recipient["emailAddress"] == address
    assert recipient["status"] == "5.1.1"
    assert "550 5.1.1" in recipient["diagnosticCode"]
    assert bounce["feedbackId"]


def test_several_bounces_of_one_mail_come_as_one_event(outbox: Outbox) -> None:
    addresses = [f"bounce+{label}@simulator.amazonses.com" for label in "ab"]
    outbox.send(*addresses)

    _, event = outbox.events(2)

    bounced = [recipient["emailAddress"] for recipient in event["bounce"]["bouncedRecipients"]]
    assert bounced == addresses


def test_complaint_is_delivered_and_then_complained_about(outbox: Outbox) -> None:
    outbox.send("complaint+7@simulator.amazonses.com")

    events = outbox.events(3)

    assert kinds(events) == ["Send", "Delivery", "Complaint"]
    complaint = events[2]["complaint"]
    assert complaint["complainedRecipients"] == [
        {"emailAddress": "complaint+7@simulator.amazonses.com"}
    ]
    assert complaint["complaintFeedbackType"] == "abuse"
    assert complaint["complaintSubType"] is None


def test_suppressionlist_bounces_as_on_the_global_list(outbox: Outbox) -> None:
    outbox.send("suppressionlist@simulator.amazonses.com")

    _, event = outbox.events(2)

    bounce = event["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Permanent", "Suppressed")


def test_an_address_on_the_accounts_list_is_accepted_and_not_sent_to(
    outbox: Outbox, simulator: Aws, control: Control
) -> None:
    simulator.ses.put_suppressed_destination(EmailAddress="ada@example.org", Reason="BOUNCE")

    outbox.send("Ada@Example.org")

    _, event = outbox.events(2)
    assert event["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    assert len(control.sends()) == 1


def test_an_address_listed_for_a_complaint_yields_a_complaint(
    outbox: Outbox, simulator: Aws
) -> None:
    simulator.ses.put_suppressed_destination(EmailAddress="ada@example.org", Reason="COMPLAINT")

    outbox.send("ada@example.org")

    _, event = outbox.events(2)
    assert event["complaint"]["complaintSubType"] == "OnAccountSuppressionList"


def test_a_configuration_set_may_ignore_the_accounts_list(outbox: Outbox, simulator: Aws) -> None:
    simulator.ses.put_suppressed_destination(EmailAddress="ada@example.org", Reason="BOUNCE")
    simulator.ses.put_configuration_set_suppression_options(
        ConfigurationSetName="transactional", SuppressedReasons=["COMPLAINT"]
    )

    outbox.send("ada@example.org")

    assert kinds(outbox.events(2)) == ["Send", "Delivery"]


def test_a_virus_is_rejected_after_acceptance(outbox: Outbox) -> None:
    attachment = {"FileName": "eicar.com", "RawContent": EICAR}
    content = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
    outbox.send(Content={"Simple": content | {"Attachments": [attachment]}})

    _, event = outbox.events(2)

    assert (event["eventType"], event["reject"]) == ("Reject", {"reason": "Bad content"})


def test_a_virus_in_a_raw_mail_is_found(outbox: Outbox) -> None:
    encoded = base64.b64encode(EICAR)
    raw = (
        b"From: post@example.com\r\nTo: ada@example.org\r\nSubject: x\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded
        + b"\r\n"
    )
    outbox.send(Content={"Raw": {"Data": raw}})

    assert kinds(outbox.events(2)) == ["Send", "Reject"]


def test_only_the_event_types_asked_for_are_published(
    outbox: Outbox, simulator: Aws, control: Control
) -> None:
    simulator.ses.update_configuration_set_event_destination(
        ConfigurationSetName="transactional",
        EventDestinationName="events",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["BOUNCE"],
            "SnsDestination": {"TopicArn": outbox.topic_arn},
        },
    )
    (validation,) = outbox.texts(1)

    outbox.send("success@simulator.amazonses.com")
    outbox.send("bounce@simulator.amazonses.com")

    assert validation == outbox.validation_text
    assert kinds(outbox.events(1)) == ["Bounce"]


def test_a_disabled_destination_hears_nothing(outbox: Outbox, simulator: Aws) -> None:
    simulator.ses.update_configuration_set_event_destination(
        ConfigurationSetName="transactional",
        EventDestinationName="events",
        EventDestination={
            "Enabled": False,
            "MatchingEventTypes": ["SEND"],
            "SnsDestination": {"TopicArn": outbox.topic_arn},
        },
    )
    outbox.texts(1)

    outbox.send()

    assert simulator.receive(outbox.queue_url, WaitTimeSeconds=1) == []


def test_without_a_configuration_set_there_are_no_events(outbox: Outbox, simulator: Aws) -> None:
    outbox.send(ConfigurationSetName=None)

    assert simulator.receive(outbox.queue_url, WaitTimeSeconds=1) == []


def test_long_headers_are_cut_and_said_to_be(outbox: Outbox) -> None:
    headers = "".join(f"X-Long-{number}: {'y' * 900}\r\n" for number in range(15))
    raw = f"From: post@example.com\r\nTo: ada@example.org\r\n{headers}\r\nHi\r\n"
    outbox.send(Content={"Raw": {"Data": raw.encode()}})

    send, _ = outbox.events(2)

    assert send["mail"]["headersTruncated"] is True
    assert len(send["mail"]["headers"]) == 13


def test_events_can_come_more_than_once(outbox: Outbox, control: Control) -> None:
    control.events(copies=3)
    outbox.send("bounce@simulator.amazonses.com")

    texts = outbox.texts(6)

    bounces = {text for text in texts if '"Bounce"' in text}
    assert sum('"Bounce"' in text for text in texts) == 3
    assert len(bounces) == 1


def test_events_can_be_held_back_and_released(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    control.events(hold=True)
    outbox.send()
    assert simulator.receive(outbox.queue_url, WaitTimeSeconds=1) == []

    control.events(hold=False)

    assert kinds(outbox.events(2)) == ["Send", "Delivery"]


def test_events_can_come_out_of_order(outbox: Outbox, control: Control) -> None:
    control.ses(max_send_rate=100)
    control.events(shuffle=True, delay_seconds=0.05)
    ids = [outbox.send() for _ in range(20)]

    events = outbox.events(40)

    order = [event["mail"]["messageId"] for event in events if event["eventType"] == "Send"]
    assert sorted(order) == sorted(ids)
    assert order != ids


def test_an_event_can_come_before_the_answer_of_its_send(outbox: Outbox, control: Control) -> None:
    control.events(delay_seconds=0)
    control.fault("ses", "SendEmail", "slow", seconds=1, times=1)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(outbox.send)
        events = outbox.events(2)
        assert not sending.done()
        message_id = sending.result(timeout=5)

    assert {event["mail"]["messageId"] for event in events} == {message_id}
