"""Which evidence puts an address on the suppression list, and which does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consumers.policy import (
    SUPPRESSES,
    bounce_suppresses,
    complaint_suppresses,
    is_auto_reply,
    is_policy_refusal,
)
from db.event_types import Bounce, Complaint

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HARD = Bounce("ada@example.com", "Permanent", "General", "feedback", NOW, status="5.1.1")
COMPLAINT = Complaint("ada@example.com", "feedback", NOW)

FOR_GOOD = {"General", "NoEmail", "Suppressed", "OnAccountSuppressionList"}


@pytest.mark.parametrize(("bounce_type", "subtype"), SUPPRESSES)
def test_only_permanent_causes_that_are_about_the_address_suppress(
    bounce_type: str, subtype: str
) -> None:
    bounce = replace(HARD, bounce_type=bounce_type, bounce_subtype=subtype)
    assert bounce_suppresses(bounce) is (bounce_type == "Permanent" and subtype in FOR_GOOD)


@pytest.mark.parametrize(
    ("bounce_type", "subtype"),
    [("Permanent", "Invented"), ("Invented", "General"), ("permanent", "Undetermined"), ("", "")],
)
def test_an_unknown_cause_does_not_suppress(bounce_type: str, subtype: str) -> None:
    assert not bounce_suppresses(replace(HARD, bounce_type=bounce_type, bounce_subtype=subtype))


@pytest.mark.parametrize(
    ("status", "action", "suppresses"),
    [
        (None, None, True),
        ("5.1.1", "failed", True),
        ("5.0.0", None, True),
        ("5.4.4", "failed", True),
        ("5", "failed", True),
        ("5.1", "failed", True),
        ("550 5.1.1 user unknown", "failed", True),
        ("4.0.0", "failed", False),
        ("4.2.2", None, False),
        ("2.0.0", "failed", False),
        ("unknown", "failed", False),
        (None, "delayed", False),
        ("5.1.1", "Delayed", False),
        ("5.7.1", "failed", False),
        ("5.7.26", "failed", False),
        ("550 5.7.1 not welcome", "failed", False),
        ("5.1.7", "failed", True),
    ],
)
def test_each_recipient_is_judged_by_its_own_status(
    status: str | None, action: str | None, *, suppresses: bool
) -> None:
    assert bounce_suppresses(replace(HARD, status=status, action=action)) is suppresses


def test_a_refusal_of_the_sender_is_told_apart() -> None:
    assert is_policy_refusal(replace(HARD, status="5.7.1"))
    assert not is_policy_refusal(HARD)
    assert not is_policy_refusal(replace(HARD, status=None))
    assert not is_policy_refusal(replace(HARD, status="4.7.0"))


@pytest.mark.parametrize(
    ("complaint_type", "subtype", "suppresses"),
    [
        (None, None, True),
        ("abuse", None, True),
        ("fraud", None, True),
        ("virus", None, True),
        ("other", None, True),
        ("something-new", None, True),
        ("not-spam", None, False),
        ("Not-Spam", None, False),
        ("auth-failure", None, False),
        (None, "OnAccountSuppressionList", True),
        (None, "OnTenantSuppressionList", False),
    ],
)
def test_a_complaint_suppresses_unless_it_is_none(
    complaint_type: str | None, subtype: str | None, *, suppresses: bool
) -> None:
    complaint = replace(COMPLAINT, complaint_type=complaint_type, complaint_subtype=subtype)
    assert complaint_suppresses(complaint) is suppresses


@pytest.mark.parametrize(
    ("bounce_type", "subtype", "statuses", "auto_reply"),
    [
        ("Transient", "General", [None], True),
        ("Transient", "General", [], True),
        ("Transient", "General", ["4.4.7"], False),
        ("Transient", "General", [None, "4.4.7"], False),
        ("Transient", "MailboxFull", [None], False),
        ("Permanent", "General", [None], False),
    ],
)
def test_an_out_of_office_answer_is_no_bounce(
    bounce_type: str, subtype: str, statuses: list[str | None], *, auto_reply: bool
) -> None:
    assert is_auto_reply(bounce_type, subtype, statuses) is auto_reply
