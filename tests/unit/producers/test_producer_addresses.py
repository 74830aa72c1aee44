"""Which addresses are taken, in what form they travel, and under which key they are found."""

from __future__ import annotations

import json
from email import message_from_string
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mailsluice
from mailsluice.addresses import AddressError, bare_address, each_once, wire_address

CASES = json.loads(
    (Path(mailsluice.__file__).parents[1] / "schema" / "addresses.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES["keys"], ids=lambda case: case["address"])
def test_an_address_has_this_key(case: dict[str, str]) -> None:
    assert mailsluice.normalise_address(case["address"]) == case["key"]


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: case["address"])
def test_an_accepted_address_travels_in_this_form(case: dict[str, str]) -> None:
    assert wire_address(case["address"]) == case["wire"]


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: case["address"])
def test_the_travelling_form_is_stable_and_has_the_same_key(case: dict[str, str]) -> None:
    wire = case["wire"]
    assert wire_address(wire) == wire
    assert wire.isascii()
    key = mailsluice.normalise_address(case["address"])
    assert mailsluice.normalise_address(wire) == mailsluice.normalise_address(key) == key


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["address"])
def test_what_cannot_be_mailed_is_refused_with_the_reason(case: dict[str, str]) -> None:
    with pytest.raises(AddressError) as error:
        wire_address(case["address"])
    assert case["reason"].lower() in error.value.reason.lower()


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["address"])
def test_the_reason_repeats_no_part_of_the_address(case: dict[str, str]) -> None:
    with pytest.raises(AddressError) as error:
        wire_address(case["address"])
    for part in case["address"].replace("@", " ").replace(",", " ").split():
        assert len(part) < 4 or part not in error.value.reason


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_has_a_key_and_the_key_of_a_key_is_itself(text: str) -> None:
    key = mailsluice.normalise_address(text)
    assert key == key.strip()
    assert mailsluice.normalise_address(key) == key


TRICKY = st.text(alphabet='ab.@<>"\\ =?uq8-:,;()üßİ。\uff0e\u200d\u0301\r\n\t', max_size=30)
ADDRESSES = st.one_of(
    st.text(max_size=60),
    TRICKY,
    TRICKY.map(lambda name: f"{name} <ada@example.com>"),
    TRICKY.map(lambda name: f'"{name}" <ada@example.com>'),
    TRICKY.map(lambda domain: f"ada@{domain}.org"),
    TRICKY.map(lambda local: f"{local}@example.com"),
)


@given(ADDRESSES)
def test_any_text_is_either_refused_or_given_a_stable_form_with_the_same_key(text: str) -> None:
    try:
        wire = wire_address(text)
    except AddressError:
        return
    assert wire_address(wire) == wire
    assert mailsluice.normalise_address(wire) == mailsluice.normalise_address(text)


@given(ADDRESSES)
def test_no_text_can_smuggle_a_second_address_or_header_into_a_mail(text: str) -> None:
    try:
        wire = wire_address(text)
    except AddressError:
        return
    mail = message_from_string(f"To: {wire}\n\n", policy=default)
    assert mail.keys() == ["To"]
    assert [address.addr_spec for address in mail["To"].addresses] == [bare_address(wire)]


def test_a_long_name_becomes_encoded_words_of_at_most_75_characters() -> None:
    wire = wire_address("Ünal " * 30 + "<ada@example.com>")
    assert all(len(word) <= 75 for word in wire.split())


def test_a_domain_of_absurd_length_is_looked_up_in_no_time() -> None:
    assert mailsluice.normalise_address("a@" + "Ü" * 100_000).startswith("a@ü")


def test_an_address_named_twice_keeps_its_first_spelling() -> None:
    named = ("Ada <Ada@example.com>", "bob@example.com", "ada@EXAMPLE.com")
    assert each_once(named) == ("Ada <Ada@example.com>", "bob@example.com")
