"""Keys under which what rests in the database of a person is encrypted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from config.address_keys import read_keys
from config.errors import ConfigurationError
from config.masking import MASK

PREFIX = "aes:"
# In the place of the first key: nothing new is encrypted.
PLAIN = "plain"
# NIST SP 800-38D: 96 random bits for each text, and at most 2^32 texts under one key.
_NONCE_BYTES = 12
_PURPOSE = b"mailsluice AES-256-GCM"
_FINGERPRINT = b"fingerprint of an encryption key"


@dataclass(frozen=True)
class EncryptionKey:
    """One key. `fingerprint` tells it from another of the same id, and tells nothing else."""

    id: str
    secret: bytes = field(repr=False)

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, _PURPOSE, hashlib.sha256))

    def seal(self, told: str) -> str:
        """The text, encrypted: `aes:ID:` and base64."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, told.encode("utf-8", "surrogatepass"), _PURPOSE)
        return f"{PREFIX}{self.id}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: bytes) -> str:
        """Raises cryptography.exceptions.InvalidTag: another key sealed it, or it was altered."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher.decrypt(nonce, rest, _PURPOSE).decode("utf-8", "surrogatepass")

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same secret."""
        digest = hmac.digest(self.secret, _FINGERPRINT, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class EncryptionKeys:
    """All keys: the first one seals, and each opens what it has sealed.

    Without any, or when they are only to be read with, what is written stays plain.
    """

    keys: tuple[EncryptionKey, ...] = ()
    writes_plain: bool = False

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def current(self) -> EncryptionKey | None:
        """The one that new texts are sealed with, if they are."""
        return self.keys[0] if self.keys and not self.writes_plain else None

    def seal(self, told: str) -> str:
        """The text as it is to be kept."""
        key = self.current
        return told if key is None else key.seal(told)

    def open(self, told: str) -> str:
        """What was sealed, in plain; what was not, as it is.

        Raises:
            ConfigurationError: its key is not configured, or has another secret.
        """
        if not told.startswith(PREFIX):
            return told
        named, _, sealed = told.removeprefix(PREFIX).partition(":")
        key = next((each for each in self.keys if each.id == named), None)
        if key is None:
            raise ConfigurationError(missing(named))
        try:
            return key.open(base64.urlsafe_b64decode(sealed))
        except (InvalidTag, binascii.Error):
            raise ConfigurationError(
                f"What the key {named} is said to have encrypted cannot be read with the secret "
                "that MAILSLUICE_ENCRYPTION_KEYS has for it, or was altered in the database."
            ) from None


class EncryptionKeySettings(BaseSettings):
    """The setting MAILSLUICE_ENCRYPTION_KEYS."""

    encryption_keys: SecretStr = Field(default=SecretStr(""))

    @field_validator("encryption_keys")
    @classmethod
    def _usable(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        keys = read_encryption_keys(value.get_secret_value())
        address_keys = info.data.get("address_keys")
        if keys and address_keys is not None and not address_keys.get_secret_value().strip():
            raise ValueError(
                "encrypted addresses are looked up by a keyed digest: set MAILSLUICE_ADDRESS_KEYS"
            )
        return value

    @cached_property
    def keys_of_encryption(self) -> EncryptionKeys:
        """The keys, as they are used."""
        return read_encryption_keys(self.encryption_keys.get_secret_value())

    def masked_encryption_keys(self) -> str:
        """The ids alone."""
        keys = self.keys_of_encryption
        ids = [f"{key.id}:{MASK}" for key in keys.keys]
        return ",".join([PLAIN, *ids] if keys.writes_plain else ids)


def missing(named: str) -> str:
    """What to do about a key that is not configured."""
    return (
        f"MAILSLUICE_ENCRYPTION_KEYS lacks the key {named}, which addresses in the database are "
        "encrypted with. Put it back, behind the first one; `mailsluice keys status` tells when "
        "it may be taken out."
    )


def read_encryption_keys(written: str) -> EncryptionKeys:
    """Keys as an operator lists them.

    Raises:
        ValueError: they cannot be used. It quotes no secret.
    """
    first, comma, rest = written.strip().partition(",")
    writes_plain = first.strip() == PLAIN
    keys = read_keys(rest if writes_plain else written).keys
    sealing = tuple(EncryptionKey(key.id, key.secret) for key in keys)
    return EncryptionKeys(sealing, writes_plain=writes_plain and bool(comma))
