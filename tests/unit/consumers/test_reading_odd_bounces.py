"""A bounce of which the report leaves parts out, or says odd things, is read for what it proves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumers.parsing import read
from db.event_types import Event
from db.states import EventKind, RecipientState

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]

ADA = "ada@example.com"
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)


def understood(body: object) -> Event:
    said = read(json.dumps(body), received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


@pytest.mark.parametrize("left_out", [True, False])
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("bounce_permanent", "Permanent/General"),
        ("bounce_mailbox_full", "Transient/General"),
        ("bounce_undetermined", "Undetermined/Undetermined"),
    ],
)
def test_a_bounce_without_a_subtype_is_a_general_one(
    sample: Sample, name: str, cause: str, *, left_out: bool
) -> None:
    body = sample(name)
    body["bounce"]["bounceSubType"] = None
    if left_out:
        del body["bounce"]["bounceSubType"]
    event = understood(body)
    [bounce] = event.bounces
    assert bounce.cause == cause
    assert bounce.is_soft is (bounce.bounce_type != "Permanent")
    assert [each.reason for each in event.suppressions] == ["bounce"] * (not bounce.is_soft)


def test_a_subtype_that_nobody_knows_stays_as_it_is_and_says_nothing(sample: Sample) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bounceSubType"] = "Invented"
    event = understood(body)
    assert [each.cause for each in event.bounces] == ["Permanent/Invented"]
    assert list(event.suppressions) == []


@pytest.mark.parametrize(
    ("of_the_bounce", "of_the_recipient"),
    [
        ({}, {"action": "failed", "diagnosticCode": "smtp; 451 try again"}),
        ({}, {"action": "failed"}),
        ({}, {"diagnosticCode": "smtp; 451 try again"}),
        ({"reportingMTA": "dns; mx.example.com"}, {}),
    ],
)
def test_whatever_a_server_reports_tells_a_bounce_from_an_automatic_reply(
    sample: Sample, of_the_bounce: dict[str, str], of_the_recipient: dict[str, str]
) -> None:
    """A status proves it too, but servers leave it out."""
    body = sample("bounce_auto_reply")
    assert understood(body).kind is EventKind.AUTO_REPLY
    body["bounce"] |= of_the_bounce
    body["bounce"]["bouncedRecipients"][0] |= of_the_recipient
    event = understood(body)
    [bounce] = event.bounces
    assert (event.kind, dict(event.recipients)) == (
        EventKind.BOUNCE,
        {ADA: RecipientState.BOUNCED},
    )
    assert (bounce.address, bounce.is_soft, list(event.suppressions)) == (ADA, False, [])


@pytest.mark.parametrize(
    ("status", "action", "state"),
    [
        ("5.1.1", "failed", RecipientState.BOUNCED),
        (None, None, RecipientState.BOUNCED),
        ("illegible", "failed", RecipientState.BOUNCED),
        ("4.0.0", "failed", RecipientState.DELAYED),
        ("5.1.1", "delayed", RecipientState.DELAYED),
        ("2.0.0", "relayed", RecipientState.DELAYED),
    ],
)
def test_of_a_permanent_bounce_whoever_failed_has_bounced(
    sample: Sample, status: str | None, action: str | None, state: RecipientState
) -> None:
    body = sample("bounce_permanent")
    body["bounce"]["bouncedRecipients"][0] |= {"status": status, "action": action}
    assert dict(understood(body).recipients) == {ADA: state}
