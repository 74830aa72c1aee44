"""Every kind and form of event is understood for what it says, however it is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from consumers.envelopes import Notice, NoticeKind
from consumers.parsing import read
from db.event_types import Event
from db.states import EventKind, RecipientState

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

ADA = "ada@example.com"
BOB = "bob@example.com"
OUR_ID = UUID("7d9f2c1e-6f0a-4c0e-9d5b-2a8f3b1c4e55")
SES_ID = "0102018f3c2a9b10-4f1d7c52-8e0b-4a33-9a51-0d3d1f2c7b9e-000000"
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)

STATES = {
    "send": (EventKind.SEND, RecipientState.SENT),
    "delivery": (EventKind.DELIVERY, RecipientState.DELIVERED),
    "delivery_delay": (EventKind.DELIVERY_DELAY, RecipientState.DELAYED),
    "bounce_permanent": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_on_account_suppression_list": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_mailbox_full": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_expired_in_transit": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_policy_refusal": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_undetermined": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "bounce_auto_reply": (EventKind.AUTO_REPLY, RecipientState.SENT),
    "complaint": (EventKind.COMPLAINT, RecipientState.COMPLAINED),
    "complaint_without_a_report": (EventKind.COMPLAINT, RecipientState.COMPLAINED),
    "complaint_not_spam": (EventKind.COMPLAINT, RecipientState.COMPLAINED),
    "reject": (EventKind.REJECT, RecipientState.REJECTED),
    "rendering_failure": (EventKind.RENDERING_FAILURE, RecipientState.REJECTED),
    "open": (EventKind.OPEN, RecipientState.DELIVERED),
    "click": (EventKind.CLICK, RecipientState.DELIVERED),
    "identity_bounce": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "identity_bounce_without_dsn": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "identity_complaint": (EventKind.COMPLAINT, RecipientState.COMPLAINED),
    "identity_delivery": (EventKind.DELIVERY, RecipientState.DELIVERED),
    "eventbridge_bounce": (EventKind.BOUNCE, RecipientState.BOUNCED),
    "sns_bounce": (EventKind.BOUNCE, RecipientState.BOUNCED),
}

SUPPRESSING = {
    "bounce_permanent": "bounce",
    "bounce_on_account_suppression_list": "account_list",
    "complaint": "complaint",
    "complaint_without_a_report": "complaint",
    "identity_bounce": "bounce",
    "identity_bounce_without_dsn": "bounce",
    "identity_complaint": "complaint",
    "eventbridge_bounce": "bounce",
    "sns_bounce": "bounce",
}


def understood(body: object) -> Event:
    message = body if isinstance(body, str) else json.dumps(body)
    said = read(message, received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


def noticed(body: object) -> Notice:
    message = body if isinstance(body, str) else json.dumps(body)
    said = read(message, received_at=RECEIVED)
    assert isinstance(said, Notice)
    return said


def in_sns(body: dict[str, Any], timestamp: str = "2026-03-01T18:00:00.000Z") -> dict[str, Any]:
    inner = json.dumps(body) + "\n"
    return {"Type": "Notification", "MessageId": "m", "Message": inner, "Timestamp": timestamp}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("wrapped", [False, True])
def test_each_kind_proves_a_state_of_its_recipient(
    sample: Sample, name: str, *, wrapped: bool
) -> None:
    body = sample(name)
    event = understood(in_sns(body) if wrapped and "Type" not in body else body)
    kind, state = STATES[name]
    assert (event.kind, dict(event.recipients)) == (kind, {ADA: state})
    assert event.ses_message_id == SES_ID
    assert event.message_id == (None if name.startswith("identity") else OUR_ID)


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_text_that_is_kept_says_what_was_read(
    sample: Sample, name: str, *, wrapped: bool
) -> None:
    body = sample(name)
    event = understood(in_sns(body) if wrapped and "Type" not in body else body)
    if name.startswith("eventbridge"):
        assert event.raw_text is None
    else:
        assert event.raw_text is not None
        assert json.loads(event.raw_text) == event.raw


@pytest.mark.parametrize("name", STATES)
def test_permanent_bounces_and_complaints_suppress_and_nothing_else_does(
    sample: Sample, name: str
) -> None:
    suppressions = understood(sample(name)).suppressions
    expected = [SUPPRESSING[name]] if name in SUPPRESSING else []
    assert [each.reason for each in suppressions] == expected
    for each in suppressions:
        assert (each.address, each.source, each.scope) == (ADA, "event", "*")
        assert each.feedback_id


def test_what_a_server_says_is_kept_without_the_addresses_in_it(sample: Sample) -> None:
    body = sample("bounce_permanent")
    said = "smtp; 550 5.1.1 <Ada@Example.com>: moved to lovelace@elsewhere.example"
    body["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = said
    [bounce] = understood(body).bounces
    assert bounce.diagnostic_code == "smtp; 550 5.1.1 <[address]>: moved to [address]"


def test_of_a_complaints_program_no_address_is_kept(sample: Sample) -> None:
    body = sample("complaint")
    body["complaint"]["userAgent"] = f"Reporter/1.0 ({ADA})"
    [complaint] = understood(body).complaints
    assert complaint.user_agent == "Reporter/1.0 ([address])"


def test_a_bounce_is_recorded_with_all_that_the_report_says(sample: Sample) -> None:
    [bounce] = understood(sample("bounce_permanent")).bounces
    assert (bounce.address, bounce.bounce_type, bounce.bounce_subtype) == (
        ADA,
        "Permanent",
        "General",
    )
    assert (bounce.action, bounce.status) == ("failed", "5.1.1")
    assert bounce.diagnostic_code == "smtp; 550 5.1.1 user unknown"
    assert bounce.reporting_mta == "dns; a7-12.smtp-out.eu-west-1.amazonses.com"
    assert bounce.remote_mta_ip == "192.0.2.25"
    assert bounce.bounced_at == datetime(2026, 3, 1, 12, 0, 2, 541000, tzinfo=UTC)


def test_a_complaint_is_recorded_with_all_that_the_report_says(sample: Sample) -> None:
    [complaint] = understood(sample("complaint")).complaints
    assert (complaint.address, complaint.complaint_type) == (ADA, "abuse")
    assert complaint.complaint_subtype is None
    assert complaint.user_agent == "Example Feedback Loop (V1.0)"
    assert complaint.complained_at == datetime(2026, 3, 1, 13, 10, tzinfo=UTC)
    assert complaint.arrived_at == datetime(
        2026, 3, 1, 8, 9, 41, tzinfo=timezone(timedelta(hours=-5))
    )


def test_of_a_permanent_bounce_a_recipient_that_is_only_delayed_is_not_suppressed(
    sample: Sample,
) -> None:
    event = understood(sample("bounce_permanent_with_a_delayed_recipient"))
    assert [each.address for each in event.suppressions] == [ADA]
    assert dict(event.recipients) == {ADA: RecipientState.BOUNCED, BOB: RecipientState.DELAYED}


def test_a_contact_that_unsubscribes_moves_no_state(sample: Sample) -> None:
    event = understood(sample("subscription"))
    assert (event.kind, dict(event.recipients)) == (EventKind.SUBSCRIPTION, {})
    assert event.message_id == OUR_ID


@pytest.mark.parametrize("name", ["open", "click"])
def test_of_several_recipients_nobody_knows_who_opened(sample: Sample, name: str) -> None:
    body = sample(name)
    body["mail"]["destination"] = [ADA, BOB]
    assert dict(understood(body).recipients) == {}


def test_rejection_is_of_all_recipients(sample: Sample) -> None:
    body = sample("reject")
    body["mail"]["destination"] = [ADA, BOB]
    assert set(understood(body).recipients) == {ADA, BOB}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sns_topic_validated", NoticeKind.TOPIC_VALIDATED),
        ("sns_subscription_confirmation", NoticeKind.SUBSCRIPTION_CONFIRMATION),
        ("sns_unsubscribe_confirmation", NoticeKind.UNSUBSCRIBE_CONFIRMATION),
        ("identity_notifications_enabled", NoticeKind.NOTIFICATIONS_ENABLED),
    ],
)
def test_messages_that_are_no_events_are_noticed(
    sample: Sample, name: str, kind: NoticeKind
) -> None:
    assert noticed(sample(name)).kind is kind


def test_the_test_messages_are_known_in_either_form(sample: Sample) -> None:
    enabled = sample("identity_notifications_enabled")
    assert noticed(in_sns(enabled)).kind is NoticeKind.NOTIFICATIONS_ENABLED
    text = sample("sns_topic_validated")["Message"]
    assert noticed(text).kind is NoticeKind.TOPIC_VALIDATED


@pytest.mark.parametrize("name", ["unknown_kind", "s3_test", "eventbridge_sending_disabled"])
def test_an_unknown_kind_is_kept_as_it_came(sample: Sample, name: str) -> None:
    event = understood(sample(name))
    assert event.kind is EventKind.UNRECOGNISED
    assert event.raw == sample(name)
    assert not event.suppressions


def test_an_unknown_kind_of_event_still_names_its_message(sample: Sample) -> None:
    assert understood(sample("unknown_kind")).message_id == OUR_ID
