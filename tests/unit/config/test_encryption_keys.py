"""Keys that encrypt: read from the setting, never shown, and each opens what it has sealed."""

from __future__ import annotations

import base64

import pytest

from config.encryption_keys import read_encryption_keys
from config.errors import ConfigurationError
from config.settings import load_settings

SECRET = base64.b64encode(b"a" * 32).decode()
OTHER = base64.b64encode(b"b" * 32).decode()
ADA = "ada@example.com"


def test_what_is_sealed_is_opened_by_its_key_wherever_that_stands() -> None:
    old = read_encryption_keys(f"old:{SECRET}")
    sealed = old.seal(ADA)
    assert sealed.startswith("aes:old:")
    assert "ada" not in base64.urlsafe_b64decode(sealed.rpartition(":")[2]).decode("latin-1")
    assert read_encryption_keys(f"new:{OTHER},old:{SECRET}").open(sealed) == ADA


def test_the_same_text_is_never_sealed_to_the_same() -> None:
    keys = read_encryption_keys(f"k:{SECRET}")
    assert keys.seal(ADA) != keys.seal(ADA)


@pytest.mark.parametrize("told", [ADA, "jörg@bücher.example", "half \ud83d", ""])
def test_any_text_comes_back(told: str) -> None:
    keys = read_encryption_keys(f"k:{SECRET}")
    assert keys.open(keys.seal(told)) == told


def test_behind_plain_keys_only_open() -> None:
    sealed = read_encryption_keys(f"k:{SECRET}").seal(ADA)
    keys = read_encryption_keys(f"plain, k:{SECRET}")
    assert keys.seal(ADA) == ADA
    assert keys.open(sealed) == ADA


def test_without_keys_everything_stays_as_it_is() -> None:
    keys = load_settings().keys_of_encryption
    assert not keys
    assert keys.seal(ADA) == ADA


def test_a_missing_key_and_another_secret_are_told_from_each_other() -> None:
    sealed = read_encryption_keys(f"k:{SECRET}").seal(ADA)
    with pytest.raises(ConfigurationError, match="lacks the key k"):
        read_encryption_keys(f"other:{SECRET}").open(sealed)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_encryption_keys(f"k:{OTHER}").open(sealed)


def test_what_was_altered_is_not_believed() -> None:
    keys = read_encryption_keys(f"k:{SECRET}")
    head, _, sealed = keys.seal(ADA).rpartition(":")
    altered = bytearray(base64.urlsafe_b64decode(sealed))
    altered[-1] ^= 1
    with pytest.raises(ConfigurationError, match="altered"):
        keys.open(f"{head}:{base64.urlsafe_b64encode(altered).decode()}")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (f"k:{SECRET},k:{OTHER}", "same id"),
        ("k:" + base64.b64encode(b"a" * 31).decode(), "at least 32"),
        ("k", "id:secret"),
        ("k:???", "not base64"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(written: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_settings(address_keys=f"d:{SECRET}", encryption_keys=written)


def test_without_a_key_of_digests_nothing_could_be_looked_up() -> None:
    with pytest.raises(ConfigurationError, match="MAILSLUICE_ADDRESS_KEYS"):
        load_settings(encryption_keys=f"k:{SECRET}")


def test_no_secret_is_shown() -> None:
    settings = load_settings(address_keys=f"d:{SECRET}", encryption_keys=f"plain,k:{OTHER}")
    keys = settings.keys_of_encryption
    shown = str(settings.masked()) + repr(settings) + repr(keys)
    assert OTHER not in shown
    assert repr(b"b" * 32) not in shown
    assert settings.masked()["encryption_keys"] == "plain,k:********"
