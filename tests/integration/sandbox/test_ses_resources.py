"""The suppression list, configuration sets and event destinations of SES."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox


def listed(simulator: Aws, **filters: object) -> list[str]:
    """Addresses on the suppression list, in one page."""
    answer = simulator.ses.list_suppressed_destinations(**filters)
    return [entry["EmailAddress"] for entry in answer["SuppressedDestinationSummaries"]]


def suppress(simulator: Aws, *addresses: str, reason: str = "BOUNCE") -> None:
    for address in addresses:
        simulator.ses.put_suppressed_destination(EmailAddress=address, Reason=reason)


def test_an_identity_is_verified_as_soon_as_it_exists(simulator: Aws) -> None:
    created = simulator.ses.create_email_identity(EmailIdentity="example.com")
    found = simulator.ses.get_email_identity(EmailIdentity="EXAMPLE.com")

    assert created["VerifiedForSendingStatus"] is True
    assert found["VerificationStatus"] == "SUCCESS"


def test_a_suppressed_address_is_found_however_it_is_spelt(simulator: Aws) -> None:
    suppress(simulator, "Ada+news/2@Example.org", reason="COMPLAINT")

    entry = simulator.ses.get_suppressed_destination(EmailAddress="ada+news/2@example.org")

    found = entry["SuppressedDestination"]
    assert (found["EmailAddress"], found["Reason"]) == ("Ada+news/2@Example.org", "COMPLAINT")
    age = dt.datetime.now(dt.UTC) - found["LastUpdateTime"]
    assert age < dt.timedelta(minutes=1)


def test_an_address_taken_off_the_list_is_gone(simulator: Aws) -> None:
    suppress(simulator, "ada@example.org")

    simulator.ses.delete_suppressed_destination(EmailAddress="ada@example.org")

    for operation in ("get_suppressed_destination", "delete_suppressed_destination"):
        with pytest.raises(simulator.ses.exceptions.NotFoundException):
            getattr(simulator.ses, operation)(EmailAddress="ada@example.org")


def test_the_list_comes_in_pages(simulator: Aws) -> None:
    addresses = [f"reader{number}@example.org" for number in range(5)]
    suppress(simulator, *addresses)

    found, token, pages = [], {}, 0
    while token is not None:
        answer = simulator.ses.list_suppressed_destinations(PageSize=2, **token)
        found += [entry["EmailAddress"] for entry in answer["SuppressedDestinationSummaries"]]
        token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else None
        pages += 1

    assert (found, pages) == (addresses, 3)


def test_the_list_is_filtered_by_reason_and_date(simulator: Aws) -> None:
    suppress(simulator, "bounced@example.org")
    suppress(simulator, "complained@example.org", reason="COMPLAINT")
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)

    assert listed(simulator, Reasons=["COMPLAINT"]) == ["complained@example.org"]
    assert len(listed(simulator, StartDate=now - hour, EndDate=now + hour)) == 2
    assert listed(simulator, StartDate=now + hour) == []


def test_a_token_of_nothing_is_refused(simulator: Aws) -> None:
    with pytest.raises(simulator.ses.exceptions.InvalidNextTokenException):
        listed(simulator, NextToken="%%%")


def test_calls_about_the_list_above_their_rate_are_throttled(
    simulator: Aws, control: Control
) -> None:
    control.ses(suppression_calls_per_second=0.01)

    listed(simulator)

    with pytest.raises(simulator.ses.exceptions.TooManyRequestsException):
        listed(simulator)


def test_an_account_in_the_sandbox_reads_its_list_and_puts_nothing_on_it(
    simulator: Aws, control: Control
) -> None:
    control.ses(production_access=False)

    with pytest.raises(simulator.ses.exceptions.BadRequestException):
        suppress(simulator, "ada@example.org")

    assert listed(simulator) == []


def test_options_of_a_configuration_set_change(simulator: Aws) -> None:
    ses, name = simulator.ses, {"ConfigurationSetName": "marketing"}
    ses.create_configuration_set(**name)

    ses.put_configuration_set_delivery_options(**name, TlsPolicy="REQUIRE")
    ses.put_configuration_set_suppression_options(**name, SuppressedReasons=["BOUNCE"])
    ses.put_configuration_set_sending_options(**name, SendingEnabled=False)

    described = ses.get_configuration_set(**name)
    assert described["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert described["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE"]}
    assert described["SendingOptions"] == {"SendingEnabled": False}


def test_a_configuration_set_is_not_created_twice(simulator: Aws) -> None:
    simulator.ses.create_configuration_set(ConfigurationSetName="marketing")

    with pytest.raises(simulator.ses.exceptions.AlreadyExistsException):
        simulator.ses.create_configuration_set(ConfigurationSetName="marketing")


def destination_to(topic_arn: str) -> dict[str, Any]:
    return {
        "Enabled": True,
        "MatchingEventTypes": ["SEND"],
        "SnsDestination": {"TopicArn": topic_arn},
    }


def test_event_destinations_are_listed_and_deleted(outbox: Outbox, simulator: Aws) -> None:
    name = {"ConfigurationSetName": "transactional"}

    (found,) = simulator.ses.get_configuration_set_event_destinations(**name)["EventDestinations"]
    assert (found["Name"], found["Enabled"]) == ("events", True)
    assert found["SnsDestination"] == {"TopicArn": outbox.topic_arn}

    simulator.ses.delete_configuration_set_event_destination(**name, EventDestinationName="events")
    answer = simulator.ses.get_configuration_set_event_destinations(**name)
    assert answer["EventDestinations"] == []


def test_an_event_destination_needs_a_topic_that_exists(simulator: Aws) -> None:
    simulator.ses.create_configuration_set(ConfigurationSetName="marketing")

    with pytest.raises(simulator.ses.exceptions.BadRequestException):
        simulator.ses.create_configuration_set_event_destination(
            ConfigurationSetName="marketing",
            EventDestinationName="events",
            EventDestination=destination_to("arn:aws:sns:eu-west-1:000000000000:nowhere"),
        )


def test_a_topic_policy_that_leaves_ses_out_is_noticed(outbox: Outbox, simulator: Aws) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": outbox.topic_arn,
    }
    simulator.sns.set_topic_attributes(
        TopicArn=outbox.topic_arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    with pytest.raises(simulator.ses.exceptions.BadRequestException):
        simulator.ses.create_configuration_set_event_destination(
            ConfigurationSetName="transactional",
            EventDestinationName="more",
            EventDestination=destination_to(outbox.topic_arn),
        )
