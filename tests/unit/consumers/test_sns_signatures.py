"""A message passes if SNS signed exactly it, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumers.errors import Refusal, UnreadableEventError
from consumers.signatures import verify
from sns_envelopes import confirmation, key, notification, signed

SIGNED = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
SIGNED_OF_CONFIRMATIONS = [
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
]
CONFIRMATIONS = ["SubscriptionConfirmation", "UnsubscribeConfirmation"]


def is_believed(envelope: dict[str, Any]) -> bool:
    try:
        verify(envelope, key().public_key())
    except UnreadableEventError as error:
        return (error.refusal, error.may_be_ours) != (Refusal.FORGED, False)
    return True


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["A subject", None])
def test_what_sns_signed_passes(version: str, subject: str | None) -> None:
    assert is_believed(signed(notification(SignatureVersion=version, Subject=subject)))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", CONFIRMATIONS)
def test_confirmations_are_signed_over_other_fields(kind: str, version: str) -> None:
    assert is_believed(signed(confirmation(kind, SignatureVersion=version)))


@pytest.mark.parametrize("field", SIGNED)
def test_any_altered_field_of_a_notification_is_found_out(field: str) -> None:
    envelope = signed(notification())
    other = "SubscriptionConfirmation" if field == "Type" else envelope[field] + "x"
    assert not is_believed({**envelope, field: other})
    assert not is_believed(
        {**envelope, field: 7} if field != "Type" else {**envelope, "Type": other}
    )


@pytest.mark.parametrize("field", [name for name in SIGNED if name != "Type"])
def test_a_notification_that_lacks_a_field_is_found_out(field: str) -> None:
    envelope = signed(notification())
    del envelope[field]
    assert not is_believed(envelope)


@pytest.mark.parametrize("kind", CONFIRMATIONS)
@pytest.mark.parametrize("field", [name for name in SIGNED_OF_CONFIRMATIONS if name != "Type"])
def test_any_altered_field_of_a_confirmation_is_found_out(kind: str, field: str) -> None:
    envelope = signed(confirmation(kind))
    assert not is_believed({**envelope, field: envelope[field] + "x"})
    del envelope[field]
    assert not is_believed(envelope)


def test_one_kind_of_confirmation_is_not_taken_for_the_other() -> None:
    envelope = signed(confirmation(CONFIRMATIONS[0]))
    assert not is_believed({**envelope, "Type": CONFIRMATIONS[1]})


def test_a_subject_that_was_added_is_found_out() -> None:
    assert not is_believed({**signed(notification(Subject=None)), "Subject": "added"})


def test_the_message_counts_to_its_last_byte() -> None:
    envelope = signed(notification())
    assert not is_believed({**envelope, "Message": envelope["Message"].rstrip("\n")})
    assert is_believed(json.loads(json.dumps(envelope, ensure_ascii=False, indent=3)))


def test_text_that_moved_from_one_field_into_another_is_found_out() -> None:
    """The signed text is the same, only its boundaries are not."""
    envelope = signed(notification(Message="m\nMessageId\nfalse", MessageId="true"))
    moved = {**envelope, "Message": "m", "MessageId": "false\nMessageId\ntrue"}
    assert is_believed(envelope)
    assert not is_believed(moved)


def test_another_key_is_found_out() -> None:
    assert not is_believed(signed(notification(), signer=key(2)))


@pytest.mark.parametrize("version", ["0", "3", "", None, 1.0, ["1"]])
def test_an_unknown_version_is_refused(version: object) -> None:
    assert not is_believed({**signed(notification()), "SignatureVersion": version})


def test_a_signature_of_the_other_version_is_refused() -> None:
    assert not is_believed({**signed(notification()), "SignatureVersion": "2"})


@pytest.mark.parametrize("signature", ["", "EXAMPLE", "é", None, 7, "AAAA", [], "\ud800"])
def test_what_is_no_signature_is_refused(signature: object) -> None:
    assert not is_believed({**signed(notification()), "Signature": signature})


def test_text_that_no_encoding_can_hold_is_refused() -> None:
    assert not is_believed({**signed(notification()), "Message": "\ud800"})
