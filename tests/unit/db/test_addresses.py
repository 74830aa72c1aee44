"""The quick way to an address's key, which nearly every one of them takes."""

from __future__ import annotations

from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.addresses import is_plain, normalise

LIKELY = st.text(alphabet="Ab9.@-+_'!()<>\",:; \n\x00ü", max_size=12)


@given(LIKELY | st.builds("{}@{}".format, LIKELY, LIKELY))
def test_a_plain_address_is_what_the_parser_would_find_in_it(text: str) -> None:
    if is_plain(text):
        assert normalise(text) == parseaddr(text)[1].lower() == text.lower()


def test_most_addresses_are_plain() -> None:
    for each in ("ada@example.com", "A.d-a+tag@mail.example.com", "o'hara@localhost"):
        assert is_plain(each)


@pytest.mark.parametrize("character", '()<>@,;:\\".[]')
def test_what_nests_without_end_is_no_address_and_no_exception(character: str) -> None:
    for nested in (character * 2000 + "ada@example.com", f"a{character}" * 1000 + "@example.com"):
        assert isinstance(normalise(nested), str)
    assert normalise("(" * 600 + " Ada") == "(" * 600 + " ada"


def test_a_comment_within_a_comment_is_still_left_out() -> None:
    assert normalise("ada@example.com (Ada (at (work)))") == "ada@example.com"
    assert normalise("Ada <ada@[IPv6:2001:db8::1]>") == "ada@[ipv6:2001:db8::1]"
