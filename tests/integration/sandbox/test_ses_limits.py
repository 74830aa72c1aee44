"""The sending rate and the rolling day are enforced as SES does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox

RATE_TEXT = "Maximum sending rate exceeded."
QUOTA_TEXT = "Daily message quota exceeded."


def test_a_burst_of_one_second_passes_and_then_the_rate_holds(
    outbox: Outbox, control: Control
) -> None:
    control.ses(max_send_rate=5)
    began = time.monotonic()

    while _accepted(outbox):
        assert time.monotonic() - began < 10

    assert 5 <= len(control.sends()) <= 5 + 5 * (time.monotonic() - began)


def test_over_a_second_no_more_than_the_burst_and_the_rate_are_accepted(
    outbox: Outbox, control: Control
) -> None:
    control.ses(max_send_rate=20)
    began = time.monotonic()

    while (elapsed := time.monotonic() - began) < 1:
        try:
            outbox.send()
        except outbox.aws.ses.exceptions.TooManyRequestsException:
            continue

    accepted = len(control.sends())
    assert 20 + 18 <= accepted <= 20 + 20 * elapsed + 1


def test_a_throttled_send_answers_429(outbox: Outbox, control: Control, simulator: Aws) -> None:
    control.ses(max_send_rate=1)
    outbox.send()

    with pytest.raises(
        simulator.ses.exceptions.TooManyRequestsException, match=RATE_TEXT
    ) as refused:
        outbox.send()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_many_recipients_go_into_debt(outbox: Outbox, control: Control) -> None:
    control.ses(max_send_rate=10)
    outbox.send(*(f"reader{number}@example.org" for number in range(30)))

    assert outbox.refusal() == ("TooManyRequestsException", RATE_TEXT)
    began = time.monotonic()
    while not _accepted(outbox):
        assert time.monotonic() - began < 5
    # 20 tokens owed and one to send with, at ten a second
    assert 1.8 <= time.monotonic() - began <= 3


def _accepted(outbox: Outbox) -> bool:
    try:
        outbox.send()
    except outbox.aws.ses.exceptions.TooManyRequestsException:
        return False
    return True


def test_a_full_day_refuses_with_its_own_text(outbox: Outbox, control: Control) -> None:
    control.ses(max_24_hour_send=3, sent_last_24_hours=1)
    outbox.send("a@example.org", "b@example.org")

    assert outbox.refusal() == ("LimitExceededException", QUOTA_TEXT)


def test_a_full_day_may_look_like_throttling(outbox: Outbox, control: Control) -> None:
    control.ses(max_24_hour_send=0, quota_as="too_many_requests")

    assert outbox.refusal() == ("TooManyRequestsException", QUOTA_TEXT)


def test_a_day_without_limit_never_fills(outbox: Outbox, control: Control) -> None:
    control.ses(max_24_hour_send=-1, sent_last_24_hours=1_000_000)

    assert outbox.send()


def test_simulator_addresses_count_towards_the_rate_only(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    control.ses(max_24_hour_send=0, max_send_rate=1)

    outbox.send("success@simulator.amazonses.com")

    assert outbox.refusal("success@simulator.amazonses.com")[1] == RATE_TEXT
    assert simulator.ses.get_account()["SendQuota"]["SentLast24Hours"] == 0


def test_failed_calls_count_towards_nothing(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    control.ses(max_send_rate=1)

    for _ in range(3):
        outbox.refusal("not an address")

    assert outbox.send()
    assert simulator.ses.get_account()["SendQuota"]["SentLast24Hours"] == 1


def test_the_account_tells_its_limits_and_what_was_sent(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    control.ses(max_send_rate=14, max_24_hour_send=200, sent_last_24_hours=7)
    outbox.send("a@example.org", "b@example.org")

    account = simulator.ses.get_account()

    assert account["SendQuota"] == {
        "MaxSendRate": 14.0,
        "Max24HourSend": 200.0,
        "SentLast24Hours": 9.0,
    }
    assert account["EnforcementStatus"] == "HEALTHY"
    assert account["ProductionAccessEnabled"] is True
    assert account["SuppressionAttributes"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
