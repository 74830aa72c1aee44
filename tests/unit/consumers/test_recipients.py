"""Addresses are found in what mail servers write, and matched with whom we wrote to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.recipients import Recipient, read_addresses, whom
from mailsluice.addresses import normalise_address, wire_address

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


@pytest.mark.parametrize(
    "given_to_the_producer",
    [
        '"Bob <bob@example.com>" <ada@example.com>',
        '"<bob@example.com>, <cy@example.com>" <Ada@Example.com>',
        '"a \\"quoted\\" <bob@example.com>" <ada@example.com>',
        '"ä <bob@example.com>" <ada@bücher.example>',
        "Ada <ada@example.com>",
    ],
)
def test_a_recipient_is_read_as_the_producer_has_looked_it_up(given_to_the_producer: str) -> None:
    written = wire_address(given_to_the_producer)
    assert read_addresses(written) == [normalise_address(given_to_the_producer)]


@given(st.text(alphabet='ab<>@.,;:"\\() ', max_size=20))
def test_whatever_its_name_a_recipient_is_read_as_its_own_address(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert read_addresses(wire_address(f'"{quoted}" <{ADA}>')) == [ADA]


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
