"""Addresses as the simulated SES reads them."""

from __future__ import annotations

import pytest

from sandbox.aws.ses.addresses import bare, domain_of, simulated_fate
from sandbox.aws.ses.errors import SesError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada <ada+news@example.org>", "ada+news@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("ada@xn--exmple-cua.org", "ada@xn--exmple-cua.org"),
    ],
)
def test_the_display_name_is_taken_off(given: str, expected: str) -> None:
    assert bare(given) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "a,b@example.org",
        "ada@.example.org",
        "ada@example..org",
        "ada@example.org, bob@example.org",
        "Ada <ada@example.org> <bob@example.org>",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SesError) as refused:
        bare(address)

    assert (refused.value.code, refused.value.status) == ("BadRequestException", 400)


def test_the_domain_is_in_lower_case() -> None:
    assert domain_of("Ada@Example.ORG") == "example.org"


@pytest.mark.parametrize(
    ("address", "fate"),
    [
        ("bounce@simulator.amazonses.com", "bounce"),
        ("Bounce+42@Simulator.AmazonSES.com", "bounce"),
        ("ooto@simulator.amazonses.com", "ooto"),
        ("bounce@example.org", None),
    ],
)
def test_simulator_addresses_are_known_with_any_label(address: str, fate: str | None) -> None:
    assert simulated_fate(address) == fate
