"""What SES says of a message is kept without anybody's address but the sender's."""

from __future__ import annotations

import pytest

from db.ledger import Why
from worker.redacting import without_addresses
from worker.ses.outcomes import Reject


def kept(told: str, sender: str | None) -> str:
    outcome = without_addresses(Reject("refused", Why("Code", told)), sender=sender)
    assert outcome.why.code == "Code"
    return outcome.why.reason


def test_the_sender_is_still_told_and_nobody_else() -> None:
    told = "Address is not verified: Ada@Example.com, me@unverified.example"
    reason = kept(told, "Shop <me@Unverified.example>")
    assert reason == "Address is not verified: [address], me@unverified.example"


@pytest.mark.parametrize("like", ["acme@shop.example", "me@shop.example.org", "x.me@shop.example"])
def test_who_is_called_like_the_sender_is_not_told(like: str) -> None:
    assert kept(f"refused: {like}.", "me@shop.example") == "refused: [address]"


@pytest.mark.parametrize("sender", [None, ""])
def test_without_a_known_sender_no_address_is_told(sender: str | None) -> None:
    assert kept("refused: <me@shop.example>", sender) == "refused: <[address]>"


def test_words_without_an_address_stay_as_they_are() -> None:
    assert kept("Daily quota: 200 @ 24 h.", "me@shop.example") == "Daily quota: 200 @ 24 h."
