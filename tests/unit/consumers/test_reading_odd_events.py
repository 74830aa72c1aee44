"""However odd an event is written, it is read for what it says, or refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.errors import Refusal, UnreadableEventError
from consumers.parsing import read
from db.event_types import Event
from db.states import EventKind, MessageState, RecipientState

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

ADA = "ada@example.com"
BOB = "bob@example.com"
CY = "cy@example.com"
OUR_ID = UUID("7d9f2c1e-6f0a-4c0e-9d5b-2a8f3b1c4e55")
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


def understood(body: object) -> Event:
    message = body if isinstance(body, str) else json.dumps(body)
    said = read(message, received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


def refused(body: object) -> Refusal:
    message = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(UnreadableEventError) as caught:
        read(message, received_at=RECEIVED)
    assert "@" not in caught.value.reason
    return caught.value.refusal


def in_sns(body: dict[str, Any], timestamp: str = "2026-03-01T18:00:00.000Z") -> dict[str, Any]:
    inner = json.dumps(body) + "\n"
    return {"Type": "Notification", "MessageId": "m", "Message": inner, "Timestamp": timestamp}


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ("", Refusal.NOT_JSON),
        ("hello ada@example.com", Refusal.NOT_JSON),
        ('{"eventType": "Bounce"', Refusal.NOT_JSON),
        ('{"eventType": NaN}', Refusal.NOT_JSON),
        ('{"eventType": 1e999}', Refusal.NOT_JSON),
        ("[" * 100_000, Refusal.NOT_JSON),
        ("[1, 2]", Refusal.NOT_AN_OBJECT),
        ('"ada@example.com"', Refusal.NOT_AN_OBJECT),
        ("null", Refusal.NOT_AN_OBJECT),
        ('{"Type": "Notification"}', Refusal.NO_MESSAGE),
        ('{"Type": "Notification", "Message": ""}', Refusal.NO_MESSAGE),
        ('{"Type": "Notification", "Message": 7}', Refusal.NO_MESSAGE),
        ('{"Type": "Notification", "Message": "not JSON"}', Refusal.NOT_JSON),
        ('{"Type": "Notification", "Message": "[]"}', Refusal.NOT_AN_OBJECT),
        ('{"eventType": "Bounce"}', Refusal.MALFORMED),
        ('{"eventType": "Bounce", "bounce": "ada@example.com"}', Refusal.MALFORMED),
        ('{"eventType": "Complaint", "complaint": null}', Refusal.MALFORMED),
        ('{"eventType": "Delivery", "delivery": {"recipients": ["a@b.c"]}}', Refusal.MALFORMED),
        ('{"eventType": "Send", "mail": {"messageId": null}}', Refusal.MALFORMED),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_reason(message: str, refusal: Refusal) -> None:
    assert refused(message) is refusal


@pytest.mark.parametrize("kind", ["Rendering Failure", "RENDERING_FAILURE", "RenderingFailure"])
def test_a_kind_is_known_in_each_of_its_spellings(sample: Sample, kind: str) -> None:
    body = sample("rendering_failure") | {"eventType": kind}
    assert understood(body).kind is EventKind.RENDERING_FAILURE


def test_a_bounce_without_its_mail_still_suppresses(sample: Sample) -> None:
    body = sample("bounce_permanent")
    del body["mail"]
    event = understood(body)
    assert (event.ses_message_id, event.message_id) == (None, None)
    assert [each.address for each in event.suppressions] == [ADA]


def test_a_bounce_without_recipients_is_about_the_only_one(sample: Sample) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"] = []
    assert [each.address for each in understood(body).suppressions] == [ADA]


def test_a_bounce_without_recipients_is_about_nobody_known_if_there_were_several(
    sample: Sample,
) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"] = None
    body["mail"]["destination"] = [ADA, BOB]
    event = understood(body)
    assert (event.kind, event.message_id) == (EventKind.BOUNCE, OUR_ID)
    assert (list(event.bounces), list(event.suppressions)) == ([], [])


def test_a_bounce_of_the_mailbox_forwarded_to_is_about_the_one_we_wrote_to(
    sample: Sample,
) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"][0]["emailAddress"] = "ada@forwarded.example.org"
    event = understood(body)
    assert [each.address for each in event.suppressions] == [ADA]
    assert dict(event.recipients) == {ADA: RecipientState.BOUNCED}


@pytest.mark.parametrize(
    ("name", "key"),
    [("bounce_permanent", "bouncedRecipients"), ("complaint", "complainedRecipients")],
)
def test_an_address_that_none_of_several_recipients_has_is_recorded_and_not_suppressed(
    sample: Sample, name: str, key: str
) -> None:
    """Else anybody who runs a mail server could have a stranger suppressed."""
    body = sample(name)
    [part] = [body[each] for each in ("bounce", "complaint") if each in body]
    part[key] = [{"emailAddress": CY}]
    body["mail"]["destination"] = [ADA, BOB]
    event = understood(body)
    assert [each.address for each in [*event.bounces, *event.complaints]] == [CY]
    assert list(event.suppressions) == []
    assert dict(event.recipients) == {CY: RecipientState.PENDING}
    assert event.proves_of_message == MessageState.SENT


def test_a_delivery_to_none_of_several_recipients_proves_of_the_message_that_it_was_sent(
    sample: Sample,
) -> None:
    body = sample("delivery")
    body["mail"]["destination"] = [ADA, BOB]
    body["delivery"]["recipients"] = [CY]
    event = understood(body)
    assert dict(event.recipients) == {CY: RecipientState.PENDING}
    assert event.proves_of_message == MessageState.SENT


def test_a_complaint_is_held_against_all_who_may_have_made_it(sample: Sample) -> None:
    body = sample("complaint")
    body["complaint"]["complainedRecipients"] = [{"emailAddress": ADA}, {"emailAddress": BOB}]
    body["mail"]["destination"] = [ADA, BOB, "other@example.org"]
    assert [each.address for each in understood(body).suppressions] == [ADA, BOB]


@pytest.mark.parametrize(
    "named",
    [
        "ADA@Example.COM",
        " ada@example.com ",
        "<ada@example.com>",
        "Ada Lovelace <ada@example.com>",
        '"Lovelace, Ada" <ada@example.com>',
        "rfc822;ada@example.com",
        "ada@example.com\x00",
    ],
)
def test_an_address_is_known_in_each_of_its_spellings(sample: Sample, named: str) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"][0]["emailAddress"] = named
    body["mail"]["destination"] = [named]
    assert [each.address for each in understood(body).suppressions] == [ADA]


def test_an_address_in_the_name_of_a_recipient_is_nobodys(sample: Sample) -> None:
    """Else a name could have a stranger suppressed."""
    body = sample("bounce_permanent")
    body["mail"]["destination"] = ['"Bob <bob@example.com>" <ada@example.com>']
    event = understood(body)
    assert dict(event.recipients) == {ADA: RecipientState.BOUNCED}
    assert [each.address for each in event.suppressions] == [ADA]


@pytest.mark.parametrize("character", ["(", ":"])
def test_an_address_that_nests_without_end_hides_no_bounce(sample: Sample, character: str) -> None:
    body = sample("bounce_permanent")
    named = character * 600 + " ada@example.com"
    body["bounce"]["bouncedRecipients"][0]["emailAddress"] = named
    assert [each.address for each in understood(body).suppressions] == [ADA]


def test_destinations_joined_by_commas_are_taken_apart(sample: Sample) -> None:
    body = sample("send")
    body["mail"]["destination"] = ['"Lovelace, Ada" <ada@example.com>, bob@example.com', CY]
    assert list(understood(body).recipients) == [ADA, BOB, CY]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T12:00:01.903Z", datetime(2026, 3, 1, 12, 0, 1, 903000, tzinfo=UTC)),
        ("2026-03-01T12:00:01Z", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:01 +0000", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        ("2026-03-01T07:00:01-05:00", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:01 +0000", datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        (1772366401, datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)),
        (1772366401903, datetime(2026, 3, 1, 12, 0, 1, 903000, tzinfo=UTC)),
        ("yesterday", datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        (1e300, datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        (True, datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
        ("2026-03-03T00:00:00Z", datetime(2026, 3, 3, tzinfo=UTC)),
        ("2026-03-03T00:00:01Z", datetime(2026, 3, 1, 18, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_leniently_and_fall_back_to_when_sns_published(
    sample: Sample, written: object, meant: datetime
) -> None:
    body = sample("delivery")
    body["delivery"]["timestamp"] = written
    assert understood(in_sns(body)).occurred_at == meant


def test_without_any_readable_time_it_happened_when_it_reached_the_queue(sample: Sample) -> None:
    body = sample("send")
    body["mail"]["timestamp"] = "some day"
    assert understood(in_sns(body, timestamp="never")).occurred_at == RECEIVED


@pytest.mark.parametrize("name", ["send", "delivery", "bounce_permanent", "unknown_kind"])
def test_a_time_that_is_still_to_come_is_not_believed(sample: Sample, name: str) -> None:
    """Else a delivery of the year 2099 would end the count of soft bounces until then."""
    body = sample(name)
    for part in body.values():
        if isinstance(part, dict):
            part["timestamp"] = "2099-01-01T00:00:00Z"
    event = understood(in_sns(body, timestamp="2099-01-01T00:00:00Z"))
    assert event.occurred_at == RECEIVED
    assert [each.bounced_at for each in event.bounces] == [RECEIVED] * len(event.bounces)


def test_numbers_nulls_and_nul_characters_do_no_harm(sample: Sample) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"][0] |= {
        "status": 5.1,
        "action": None,
        "diagnosticCode": "smtp; 550\x00 \ud800gone",
    }
    body["mail"]["tags"]["mailsluice-message-id"] = str(OUR_ID)
    body["mail"]["messageId"] = 17
    event = understood(body)
    [bounce] = event.bounces
    assert (bounce.status, bounce.action) == ("5.1", None)
    assert "\x00" not in (bounce.diagnostic_code or "")
    assert (bounce.diagnostic_code or "").encode()
    assert (event.message_id, event.ses_message_id) == (OUR_ID, "17")
    assert [each.address for each in event.suppressions] == [ADA]


@pytest.mark.parametrize("tag", [[], None, ["not a uuid"], [None], {"a": 1}, 7])
def test_a_tag_that_is_not_ours_names_no_message(sample: Sample, tag: object) -> None:
    body = sample("send")
    body["mail"]["tags"]["mailsluice-message-id"] = tag
    assert understood(body).message_id is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    kind=st.sampled_from(["Send", "Bounce", "Complaint", "Delivery", "DeliveryDelay", "Click"]),
    mail=json_values
    | st.fixed_dictionaries(
        {},
        optional={
            "messageId": json_values,
            "destination": json_values,
            "tags": json_values,
            "timestamp": json_values,
        },
    ),
    details=json_values
    | st.fixed_dictionaries(
        {},
        optional={
            "bounceType": st.sampled_from(["Permanent", "Transient"]) | json_values,
            "bounceSubType": st.just("General") | json_values,
            "bouncedRecipients": json_values,
            "complainedRecipients": json_values,
            "recipients": json_values,
            "feedbackId": json_values,
            "timestamp": json_values,
        },
    ),
)
def test_whatever_stands_where_the_fields_should_be_it_is_understood_or_refused(
    kind: str, mail: object, details: object
) -> None:
    key = kind[0].lower() + kind[1:]
    message = json.dumps({"eventType": kind, "mail": mail, key: details})
    try:
        event = read(message, received_at=RECEIVED)
    except UnreadableEventError:
        return
    assert isinstance(event, Event)
    assert event.identity
    assert event.occurred_at.tzinfo is not None
