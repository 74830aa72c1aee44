"""SendBulkEmail answers entry by entry, with HTTP 200 even when all fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox

SUBJECT = {"Subject": "Hello {{name}}", "Text": "Hello {{name}}"}


@pytest.fixture(autouse=True)
def _template(simulator: Aws) -> None:
    simulator.ses.create_email_template(TemplateName="welcome", TemplateContent=SUBJECT)


def statuses(results: list[dict[str, Any]]) -> list[str]:
    """The status of every entry."""
    return [result["Status"] for result in results]


def test_every_entry_is_a_message_of_its_own(outbox: Outbox, control: Control) -> None:
    results = outbox.send_bulk("ada@example.org", "bob@example.org")

    sends = control.sends()
    assert statuses(results) == ["SUCCESS", "SUCCESS"]
    assert [result["MessageId"] for result in results] == [send.ses_message_id for send in sends]
    assert [send.to for send in sends] == [["ada@example.org"], ["bob@example.org"]]
    assert {send.action for send in sends} == {"SendBulkEmail"}


def test_entries_have_their_own_tags_data_and_headers(outbox: Outbox, control: Control) -> None:
    outbox.send_bulk(
        DefaultEmailTags=[{"Name": "campaign", "Value": "may"}, {"Name": "id", "Value": "none"}],
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": ["ada@example.org"]},
                "ReplacementTags": [{"Name": "id", "Value": "1"}],
                "ReplacementHeaders": [{"Name": "X-Entry", "Value": "first"}],
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": '{"name": "Ada"}'}
                },
            }
        ],
    )

    send, _ = outbox.events(2)
    assert control.sends()[0].tags == {"campaign": "may", "id": "1"}
    assert {"name": "X-Entry", "value": "first"} in send["mail"]["headers"]


def test_one_bad_address_fails_alone(outbox: Outbox) -> None:
    results = outbox.send_bulk("ada@example.org", "not an address", "bob@example.org")

    assert statuses(results) == ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"]
    assert results[1]["Error"] == "Missing final '@domain'"
    assert "MessageId" not in results[1]


def test_missing_data_are_reported_later(outbox: Outbox) -> None:
    (result,) = outbox.send_bulk(
        "ada@example.org", DefaultContent={"Template": {"TemplateName": "welcome"}}
    )

    (event,) = outbox.events(1)
    assert result["Status"] == "SUCCESS"
    assert event["eventType"] == "Rendering Failure"


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        ({"suspended": True}, "ACCOUNT_SUSPENDED"),
        ({"sending_enabled": False}, "ACCOUNT_SENDING_PAUSED"),
        ({"paused_configuration_sets": ["transactional"]}, "CONFIGURATION_SET_SENDING_PAUSED"),
        ({"max_24_hour_send": 0}, "ACCOUNT_DAILY_QUOTA_EXCEEDED"),
        (
            {"max_24_hour_send": 0, "quota_as": "too_many_requests"},
            "ACCOUNT_DAILY_QUOTA_EXCEEDED",
        ),
    ],
)
def test_the_account_refuses_every_entry(
    outbox: Outbox, control: Control, setting: dict[str, object], status: str
) -> None:
    control.ses(**setting)

    assert statuses(outbox.send_bulk("ada@example.org", "bob@example.org")) == [status] * 2


def test_an_unknown_template_or_configuration_set_refuses_every_entry(outbox: Outbox) -> None:
    no_template = outbox.send_bulk(
        "ada@example.org", DefaultContent={"Template": {"TemplateName": "nowhere"}}
    )
    no_set = outbox.send_bulk("ada@example.org", ConfigurationSetName="nowhere")

    assert statuses(no_template) == ["TEMPLATE_NOT_FOUND"]
    assert statuses(no_set) == ["CONFIGURATION_SET_NOT_FOUND"]


def test_an_unverified_sender_rejects_every_entry(outbox: Outbox) -> None:
    (result,) = outbox.send_bulk("ada@example.org", FromEmailAddress="who@elsewhere.test")

    assert result["Status"] == "MESSAGE_REJECTED"
    assert "not verified" in result["Error"]


def test_a_day_that_fills_up_refuses_the_rest(outbox: Outbox, control: Control) -> None:
    control.ses(max_24_hour_send=1)

    results = outbox.send_bulk("ada@example.org", "bob@example.org")

    assert statuses(results) == ["SUCCESS", "ACCOUNT_DAILY_QUOTA_EXCEEDED"]


def test_one_token_left_admits_the_whole_call_into_debt(outbox: Outbox, control: Control) -> None:
    control.ses(max_send_rate=2)
    crowd = [f"reader{number}@example.org" for number in range(50)]

    first, second = outbox.send_bulk(*crowd), outbox.send_bulk(*crowd)

    assert statuses(first) == ["SUCCESS"] * 50
    assert statuses(second) == ["ACCOUNT_THROTTLED"] * 50


def test_the_rate_may_be_drawn_entry_by_entry(outbox: Outbox, control: Control) -> None:
    control.ses(max_send_rate=2, bulk_rate_by_entry=True)
    results = outbox.send_bulk("a@example.org", "b@example.org", "c@example.org")

    assert statuses(results) == ["SUCCESS", "SUCCESS", "ACCOUNT_THROTTLED"]


def test_more_than_fifty_entries_refuse_the_call(outbox: Outbox, simulator: Aws) -> None:
    crowd = [f"reader{number}@example.org" for number in range(51)]

    with pytest.raises(simulator.ses.exceptions.BadRequestException):
        outbox.send_bulk(*crowd)
