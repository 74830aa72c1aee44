"""Addresses are found in what mail servers write, and matched with whom we wrote to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.recipients import Recipient, read_addresses, whom

ADA = "ada@example.com"
BOB = "bob@example.com"


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        (None, []),
        ([], []),
        ("", []),
        ("nobody", []),
        ("@example.com", []),
        ("ada@", []),
        ("<>", []),
        (17, []),
        ({"emailAddress": ADA}, []),
        (ADA, [ADA]),
        ([ADA, None, 3, "ADA@example.com"], [ADA]),
        ("Ada <ada@example.com>; Bob <bob@example.com>", [ADA, BOB]),
        ("Ada (work) <ada@example.com>", [ADA]),
        ("ada@example.com (Ada)", [ADA]),
        ('"Lovelace, Ada" <ada@example.com>,bob@example.com', [ADA, BOB]),
        ('"an \\"odd\\", name" <ada@example.com>', [ADA]),
        ('Ada "the <ada@example.com>', [ADA]),
        ("rfc822; ada@example.com", [ADA]),
        ('"john doe"@example.com', ['"john doe"@example.com']),
        ("ada+tag@example.com", ["ada+tag@example.com"]),
        ("ada@bücher.example", ["ada@xn--bcher-kva.example"]),
        ("ada@xn--bcher-kva.example", ["ada@xn--bcher-kva.example"]),
        ("a" * 400 + "@example.com", []),
    ],
)
def test_addresses_are_read_from_what_is_there(value: object, addresses: list[str]) -> None:
    assert read_addresses(value) == addresses


@given(st.text() | st.lists(st.text()))
def test_what_is_read_can_be_looked_up_and_stored(value: object) -> None:
    for address in read_addresses(value):
        assert "@" in address
        assert "\x00" not in address
        assert address.encode()


@pytest.mark.parametrize(
    ("named", "destinations", "meant"),
    [
        (ADA, [ADA], [Recipient(ADA, addressed=True)]),
        (ADA, [ADA, BOB], [Recipient(ADA, addressed=True)]),
        ("x@else.example", [ADA], [Recipient(ADA, addressed=True)]),
        ("x@else.example", [ADA, BOB], [Recipient("x@else.example", addressed=False)]),
        (ADA, [], [Recipient(ADA, addressed=True)]),
        (None, [ADA], [Recipient(ADA, addressed=True)]),
        ("illegible", [ADA], [Recipient(ADA, addressed=True)]),
        (None, [ADA, BOB], []),
        (None, [], []),
        ([ADA, "x@else.example"], [ADA], [Recipient(ADA, addressed=True)]),
    ],
)
def test_a_name_means_one_of_those_we_wrote_to(
    named: object, destinations: list[str], meant: list[Recipient]
) -> None:
    assert whom(named, destinations) == meant
