"""Keys by which an address is recognised without being written down."""

from __future__ import annotations

import base64

import pytest

from config.address_keys import is_digest, key_id, read_keys
from config.errors import ConfigurationError
from config.settings import load_settings

SECRET = base64.b64encode(b"s" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def test_the_first_key_is_the_current_one_and_all_of_them_find() -> None:
    keys = load_settings(address_keys=f"new:{SECRET}, old:{OTHER}").keys_of_addresses
    new, old = keys.digests("ada@example.com")
    assert (key_id(new), key_id(old)) == ("new", "old")
    assert keys.names("ada@example.com") == ["ada@example.com", new, old]


def test_a_digest_tells_nothing_of_the_address_and_stands_for_itself() -> None:
    keys = read_keys(f"k:{SECRET}")
    [digest] = keys.digests("ada@example.com")
    assert is_digest(digest)
    assert "ada" not in digest
    assert keys.names(digest) == [digest]


def test_no_address_is_a_digest() -> None:
    assert not is_digest("hmac:k:" + "a" * 43 + "@example.com")
    assert not is_digest("hmac:k:short")


def test_another_secret_makes_other_digests_and_another_fingerprint() -> None:
    one, other = read_keys(f"k:{SECRET}").keys[0], read_keys(f"k:{OTHER}").keys[0]
    assert one.digest("ada@example.com") != other.digest("ada@example.com")
    assert one.fingerprint != other.fingerprint


def test_without_keys_an_address_is_known_by_itself_alone() -> None:
    assert load_settings().keys_of_addresses.names("ada@example.com") == ["ada@example.com"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (SECRET, "write id:secret pairs"),
        (f"a b:{SECRET}", "an id is 1 to 32 letters"),
        ("k:%%%", "the secret of key k is not base64"),
        ("k:c2hvcnQ=", "the secret of key k has 5 bytes and must have at least 32"),
        (f"k:{SECRET},k:{OTHER}", "two keys have the same id"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_and_not_quoted(written: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        load_settings(address_keys=written)
    assert SECRET not in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = load_settings(address_keys=f"new:{SECRET},old:{OTHER}")
    shown = str(settings.masked()) + repr(settings) + repr(settings.keys_of_addresses)
    assert SECRET not in shown
    assert "ssss" not in shown
    assert settings.masked()["address_keys"] == "new:********,old:********"
