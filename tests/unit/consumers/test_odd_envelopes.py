"""Whatever an event comes in, it is opened for what it is, or refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumers.parsing import read
from db.event_types import Event
from db.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


def understood(body: object) -> Event:
    said = read(json.dumps(body), received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


@pytest.mark.parametrize("odd", [[], {}, [{}], None, 7, True, "", "Other"])
def test_a_type_that_is_none_of_sns_is_no_envelope(sample: Sample, odd: object) -> None:
    assert understood(sample("send") | {"Type": odd}).kind is EventKind.SEND


@pytest.mark.parametrize("source", ["shop.example", "aws.ec2", "AWS.SES", "", None, [], {}])
def test_an_event_that_another_than_ses_put_on_the_bus_is_kept_and_not_believed(
    sample: Sample, source: object
) -> None:
    """Whoever may write to the bus could have anybody suppressed."""
    body = sample("eventbridge_bounce")
    assert understood(body).kind is EventKind.BOUNCE
    body["source"] = source
    event = understood(body)
    assert (event.kind, event.raw) == (EventKind.UNRECOGNISED, body)
    assert (event.message_id, event.ses_message_id, dict(event.recipients)) == (None, None, {})
    assert (list(event.bounces), list(event.suppressions)) == ([], [])


def test_an_event_of_the_bus_without_a_source_is_not_believed(sample: Sample) -> None:
    body = sample("eventbridge_bounce")
    del body["source"]
    assert understood(body).kind is EventKind.UNRECOGNISED
