"""Which evidence puts an address on the suppression list, and which does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consumers.policy import (
    WEIGHS,
    Weight,
    complaint_suppresses,
    is_auto_reply,
    is_mirrored,
    is_policy_refusal,
    weight,
)
from db.event_types import Bounce, Complaint

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HARD = Bounce("ada@example.com", "Permanent", "General", "feedback", NOW, status="5.1.1")
COMPLAINT = Complaint("ada@example.com", "feedback", NOW)

SOFT = replace(HARD, bounce_type="Transient", status="4.2.2")

# What each cause says with a status of its own kind.
SAYS = {
    "Permanent/General": Weight.HARD,
    "Permanent/NoEmail": Weight.HARD,
    "Permanent/Suppressed": Weight.HARD,
    "Permanent/OnAccountSuppressionList": Weight.MIRRORED,
    "Transient/General": Weight.SOFT,
    "Transient/MailboxFull": Weight.SOFT,
    "Undetermined/Undetermined": Weight.SOFT,
}


@pytest.mark.parametrize(("bounce_type", "subtype"), WEIGHS)
def test_only_causes_that_are_about_the_address_speak_against_it(
    bounce_type: str, subtype: str
) -> None:
    sample = HARD if bounce_type == "Permanent" else SOFT
    bounce = replace(sample, bounce_type=bounce_type, bounce_subtype=subtype)
    assert weight(bounce) is SAYS.get(f"{bounce_type}/{subtype}", Weight.NOTHING)


def test_every_cause_of_the_documentation_is_judged() -> None:
    assert set(SAYS) <= {f"{bounce_type}/{subtype}" for bounce_type, subtype in WEIGHS}
    assert len(WEIGHS) == 14


@pytest.mark.parametrize(
    ("bounce_type", "subtype"),
    [("Permanent", "Invented"), ("Invented", "General"), ("permanent", "Undetermined"), ("", "")],
)
def test_an_unknown_cause_says_nothing(bounce_type: str, subtype: str) -> None:
    bounce = replace(HARD, bounce_type=bounce_type, bounce_subtype=subtype)
    assert weight(bounce) is Weight.NOTHING


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
        (None, "delivered", False),
        ("5.1.1", "delivered", False),
        ("5.1.1", "Relayed", False),
        ("5.1.1", "expanded", False),
        ("5.1.1", "FAILED", True),
        ("5.7.1", "failed", False),
        ("5.7.26", "failed", False),
        ("550 5.7.1 not welcome", "failed", False),
        ("5.1.7", "failed", True),
    ],
)
def test_each_recipient_is_judged_by_its_own_status(
    status: str | None, action: str | None, *, suppresses: bool
) -> None:
    expected = Weight.HARD if suppresses else Weight.NOTHING
    assert weight(replace(HARD, status=status, action=action)) is expected


@pytest.mark.parametrize(
    ("subtype", "status", "action", "says"),
    [
        ("General", "4.4.7", "failed", Weight.SOFT),
        ("General", "5.4.7", "failed", Weight.SOFT),
        ("General", "5.4.4", "failed", Weight.HARD),
        ("General", "smtp; 550 5.4.4 Unable to lookup DNS", None, Weight.HARD),
        ("General", "4.4.4", "failed", Weight.SOFT),
        ("General", "5.4.44", "failed", Weight.SOFT),
        ("General", "4.7.1", "failed", Weight.NOTHING),
        ("General", "5.7.26", "failed", Weight.NOTHING),
        ("General", "2.0.0", "failed", Weight.NOTHING),
        ("General", None, "failed", Weight.NOTHING),
        ("General", "4.2.2", "delayed", Weight.NOTHING),
        ("General", "4.2.2", "relayed", Weight.NOTHING),
        ("General", "5.4.4", "delivered", Weight.NOTHING),
        ("MailboxFull", None, None, Weight.SOFT),
        ("MailboxFull", "5.2.2", "failed", Weight.SOFT),
        ("MessageTooLarge", "5.3.4", "failed", Weight.NOTHING),
        ("ContentRejected", "5.6.0", "failed", Weight.NOTHING),
        ("AttachmentRejected", "5.6.1", "failed", Weight.NOTHING),
        ("CustomTimeoutExceeded", "4.4.7", "failed", Weight.NOTHING),
        # A message that is too large has been told apart before anything about the host.
        ("MessageTooLarge", "5.4.4", "failed", Weight.NOTHING),
    ],
)
def test_a_transient_bounce_counts_only_when_the_mailbox_or_its_host_is_at_fault(
    subtype: str, status: str | None, action: str | None, says: Weight
) -> None:
    assert weight(replace(SOFT, bounce_subtype=subtype, status=status, action=action)) is says


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
    ("bounce_type", "subtype", "reported", "auto_reply"),
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
    bounce_type: str, subtype: str, reported: list[str | None], *, auto_reply: bool
) -> None:
    assert is_auto_reply(bounce_type, subtype, reported) is auto_reply


def test_a_complaint_that_only_mirrors_the_list_of_the_account_is_told_apart() -> None:
    assert is_mirrored(replace(COMPLAINT, complaint_subtype="OnAccountSuppressionList"))
    assert not is_mirrored(COMPLAINT)
