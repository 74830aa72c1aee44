"""Who unsubscribes is understood from what SES says of their preferences."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumers.parsing import read
from consumers.subscriptions import unsubscribes
from db.event_types import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

ADA = "ada@example.com"
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


def preferences(*left: str, all_of_it: object = False, **stays: str) -> dict[str, Any]:
    topics = [{"topicName": name, "subscriptionStatus": "OptOut"} for name in left]
    topics += [{"topicName": name, "subscriptionStatus": each} for name, each in stays.items()]
    return {"unsubscribeAll": all_of_it, "topicSubscriptionStatus": topics}


@pytest.mark.parametrize(
    ("old", "new", "out"),
    [
        (preferences(), preferences(all_of_it=True), True),
        (preferences(), preferences(all_of_it="true"), True),
        (preferences(all_of_it=True), preferences(all_of_it=True), True),
        (preferences(), preferences("offers"), True),
        (preferences("offers"), preferences("offers", "news"), True),
        (preferences("offers"), preferences("offers"), False),
        (preferences("offers"), preferences(offers="OptIn"), False),
        (preferences(all_of_it=True), preferences(), False),
        ({}, {}, False),
        ({}, {"unsubscribeAll": None, "topicSubscriptionStatus": "odd"}, False),
        ({}, {"topicSubscriptionStatus": ["odd", None, {}]}, False),
    ],
)
def test_less_mail_is_an_unsubscribe_and_more_is_none(
    old: dict[str, Any], new: dict[str, Any], *, out: bool
) -> None:
    assert unsubscribes(old, new) is out


def understood(body: dict[str, Any]) -> Event:
    said = read(json.dumps(body), received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


def test_an_unsubscribe_suppresses_its_recipient_and_knows_its_stream(sample: Sample) -> None:
    event = understood(sample("subscription"))
    [wish] = event.suppressions
    assert (wish.address, wish.reason, wish.note) == (ADA, "unsubscribe", "UnsubscribeHeader")
    assert event.stream == "transactional"


def test_of_several_recipients_nobody_knows_who_unsubscribed(sample: Sample) -> None:
    body = sample("subscription")
    body["mail"]["destination"].append("bob@example.com")
    assert understood(body).suppressions == []


@pytest.mark.parametrize("tag", [[], ["No Stream!"], [None], "", {"a": 1}, ["x" * 200]])
def test_a_tag_that_is_no_stream_is_no_stream(sample: Sample, tag: object) -> None:
    body = sample("subscription")
    body["mail"]["tags"]["mailsluice-stream"] = tag
    assert understood(body).stream is None
