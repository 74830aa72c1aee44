"""A configuration set publishes only if its `Send` events go where we can hear them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber
from structlog.testing import capture_logs

from config import aws
from config.settings import load_settings
from worker.ses.publishing import sets_that_publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sesv2 import SESV2Client

CALL = "get_configuration_set_event_destinations"
SNS = {"SnsDestination": {"TopicArn": "arn:aws:sns:eu-west-1:000000000000:events"}}
BUS = {"EventBridgeDestination": {"EventBusArn": "arn:aws:events:eu-west-1:0:event-bus/default"}}
CLOUD_WATCH = {"CloudWatchDestination": {"DimensionConfigurations": []}}
FIREHOSE = {"KinesisFirehoseDestination": {"IamRoleArn": "r", "DeliveryStreamArn": "d"}}


@pytest.fixture
def client() -> SESV2Client:
    return aws.ses_control(load_settings())


@pytest.fixture
def ses(client: SESV2Client) -> Iterator[Stubber]:
    """What SES answers, each answer once."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def destination(where: dict[str, Any], *kinds: str, enabled: bool = True) -> dict[str, Any]:
    return {"Name": "d", "Enabled": enabled, "MatchingEventTypes": list(kinds), **where}


def answer(ses: Stubber, *destinations: dict[str, Any], name: str = "a") -> None:
    ses.add_response(
        CALL, {"EventDestinations": list(destinations)}, {"ConfigurationSetName": name}
    )


@pytest.mark.parametrize("where", [SNS, BUS])
def test_a_set_whose_send_events_reach_a_queue_publishes(
    client: SESV2Client, ses: Stubber, where: dict[str, Any]
) -> None:
    answer(ses, destination(CLOUD_WATCH, "SEND"), destination(where, "BOUNCE", "SEND"))
    assert sets_that_publish(client, ["a"]) == {"a"}


@pytest.mark.parametrize(
    "destinations",
    [
        [],
        [destination(SNS, "BOUNCE", "DELIVERY")],
        [destination(SNS, "SEND", enabled=False)],
        [destination(CLOUD_WATCH, "SEND")],
        [destination(FIREHOSE, "SEND")],
        [destination(SNS, "BOUNCE"), destination(CLOUD_WATCH, "SEND")],
    ],
)
def test_a_set_whose_send_events_nobody_hears_does_not_publish_and_the_log_says_so(
    client: SESV2Client, ses: Stubber, destinations: list[dict[str, Any]]
) -> None:
    answer(ses, *destinations)
    with capture_logs() as logs:
        assert sets_that_publish(client, ["a"]) == frozenset()
    [line] = logs
    assert (line["configuration_set"], line["log_level"]) == ("a", "warning")


def test_where_ses_may_not_be_asked_a_set_is_taken_at_its_word_and_the_log_says_so(
    client: SESV2Client, ses: Stubber
) -> None:
    ses.add_client_error(CALL, "AccessDeniedException")
    with capture_logs() as logs:
        assert sets_that_publish(client, ["a"]) == {"a"}
    [line] = logs
    assert "cannot ask SES" in line["event"]


def test_each_set_is_asked_for_once_and_none_is_no_set(client: SESV2Client, ses: Stubber) -> None:
    answer(ses, destination(SNS, "SEND"))
    assert sets_that_publish(client, ["a", None, "a", ""]) == {"a"}


def test_no_set_at_all_is_nothing_to_ask(client: SESV2Client, ses: Stubber) -> None:
    assert sets_that_publish(client, [None]) == frozenset()
