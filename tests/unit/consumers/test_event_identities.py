"""An event has one identity however often and in whatever form it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumers.parsing import read
from db.event_types import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]


def identity(body: dict[str, Any], received_at: datetime = datetime(2026, 3, 2, tzinfo=UTC)) -> str:
    event = read(json.dumps(body), received_at=received_at)
    assert isinstance(event, Event)
    return event.identity


def in_sns(body: dict[str, Any], message_id: str) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": message_id, "Message": json.dumps(body)}


EVERY_EVENT = [
    "send",
    "delivery",
    "delivery_delay",
    "bounce_permanent",
    "bounce_auto_reply",
    "complaint",
    "reject",
    "rendering_failure",
    "open",
    "click",
    "subscription",
    "unknown_kind",
]


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_a_redelivery_has_the_same_identity(sample: Sample, name: str) -> None:
    first = identity(in_sns(sample(name), "one"))
    later = identity(in_sns(sample(name), "two"), datetime(2026, 4, 1, tzinfo=UTC))
    assert first == later == identity(sample(name))


@pytest.mark.parametrize(
    ("event", "notification"),
    [
        ("bounce_permanent", "identity_bounce"),
        ("bounce_permanent", "identity_bounce_without_dsn"),
        ("bounce_permanent", "eventbridge_bounce"),
        ("bounce_permanent", "sns_bounce"),
        ("complaint", "identity_complaint"),
        ("delivery", "identity_delivery"),
    ],
)
def test_both_forms_of_an_event_have_the_same_identity(
    sample: Sample, event: str, notification: str
) -> None:
    assert identity(sample(event)) == identity(sample(notification))


def test_a_time_spelt_otherwise_is_the_same_time(sample: Sample) -> None:
    other = sample("identity_delivery")
    other["delivery"]["timestamp"] = "2026-03-01T12:00:01.903 +0000"
    assert identity(sample("delivery")) == identity(other)


def test_different_events_of_one_message_differ(sample: Sample) -> None:
    identities = {identity(sample(name)) for name in EVERY_EVENT if name != "bounce_auto_reply"}
    assert len(identities) == len(EVERY_EVENT) - 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bounce_permanent", {"feedbackId": "another"}),
        ("complaint", {"feedbackId": "another"}),
        ("bounce_permanent", {"bouncedRecipients": [{"emailAddress": "bob@example.com"}]}),
        ("delivery", {"timestamp": "2026-03-01T12:00:09.000Z"}),
        ("delivery_delay", {"timestamp": "2026-03-01T12:00:09.000Z"}),
        ("open", {"ipAddress": "192.0.2.99"}),
        ("click", {"link": "https://shop.example.com/other"}),
    ],
)
def test_what_sets_two_events_apart_sets_their_identities_apart(
    sample: Sample, name: str, change: dict[str, Any]
) -> None:
    body = sample(name)
    key = {"bounce_permanent": "bounce", "delivery_delay": "deliveryDelay"}.get(name, name)
    body[key] |= change
    assert identity(body) != identity(sample(name))


def test_deliveries_to_two_recipients_at_one_moment_differ(sample: Sample) -> None:
    bodies = [sample("delivery"), sample("delivery")]
    for body, address in zip(bodies, ["ada@example.com", "bob@example.com"], strict=True):
        body["mail"]["destination"] = ["ada@example.com", "bob@example.com"]
        body["delivery"]["recipients"] = [address]
    assert identity(bodies[0]) != identity(bodies[1])


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_an_identity_tells_no_address(sample: Sample, name: str) -> None:
    assert "@" not in identity(sample(name))


def test_identities_stay_what_they_were(sample: Sample) -> None:
    """They are stored: a change here would count every redelivered event a second time."""
    digests = {
        "bounce_permanent": "e4a163b729fde76488d41973696cc860dccc883d036ed8f8245c0b133d3e1299",
        "delivery": "5b63b8c78aeedb1dd4558f42c6689d6cf9cd9278dcf3202c1f6aaa6000a3751d",
        "open": "4edce20f7b20407c27de49fcc5dafa759d30adbc15f77ab80f60df40ed7118f1",
    }
    assert {name: identity(sample(name)).split(":")[1] for name in digests} == digests
