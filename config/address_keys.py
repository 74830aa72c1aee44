"""Keys under which an address can be recognised without being written down."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from config.masking import MASK

LEAST_SECRET_BYTES = 32
# No address looks like it: it has no @.
_PREFIX = "hmac:"
_DIGEST = re.compile(rf"{_PREFIX}([A-Za-z0-9_-]{{1,32}}):[A-Za-z0-9_-]{{43}}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_EXAMPLE = "write id:secret pairs with commas between them, the secrets in base64"


@dataclass(frozen=True)
class AddressKey:
    """One key. `fingerprint` tells it from another of the same id, and tells nothing else."""

    id: str
    secret: bytes = field(repr=False)

    def digest(self, address: str) -> str:
        """What stands for a normalised address."""
        return f"{_PREFIX}{self.id}:{_keyed(self.secret, address)}"

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same secret."""
        return _keyed(self.secret, "fingerprint of an address key")


@dataclass(frozen=True)
class AddressKeys:
    """All keys; the first makes new digests, and each of them finds what it has made."""

    keys: tuple[AddressKey, ...] = ()

    def digests(self, address: str) -> list[str]:
        """What may stand for a normalised address, under each key. A digest stands for itself."""
        return [] if is_digest(address) else [key.digest(address) for key in self.keys]

    def names(self, address: str) -> list[str]:
        """All that an entry about a normalised address may be found under, itself first."""
        return [address, *self.digests(address)]


class AddressKeySettings(BaseSettings):
    """The setting MAILSLUICE_ADDRESS_KEYS."""

    address_keys: SecretStr = Field(default=SecretStr(""))

    @field_validator("address_keys")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        read_keys(value.get_secret_value())
        return value

    @cached_property
    def keys_of_addresses(self) -> AddressKeys:
        """The keys, as they are used."""
        return read_keys(self.address_keys.get_secret_value())

    def masked_address_keys(self) -> str:
        """The ids alone."""
        return ",".join(f"{key.id}:{MASK}" for key in self.keys_of_addresses.keys)


def is_digest(name: str) -> bool:
    """Whether it stands for an address."""
    return name.startswith(_PREFIX) and _DIGEST.fullmatch(name) is not None


def key_id(digest: str) -> str:
    """The id of the key that made a digest."""
    return digest.split(":")[1]


def read_keys(written: str) -> AddressKeys:
    """Keys as an operator lists them.

    Raises:
        ValueError: they cannot be used. It quotes no secret.
    """
    keys = [_read(each.strip()) for each in written.split(",") if each.strip()]
    ids = [key.id for key in keys]
    if len(set(ids)) < len(ids):
        raise ValueError("two keys have the same id")
    return AddressKeys(tuple(keys))


def _read(pair: str) -> AddressKey:
    name, colon, secret = pair.partition(":")
    if not colon or not _ID.fullmatch(name):
        raise ValueError(f"{_EXAMPLE}; an id is 1 to 32 letters, digits, - or _")
    try:
        decoded = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ValueError(f"the secret of key {name} is not base64; {_EXAMPLE}") from None
    if len(decoded) < LEAST_SECRET_BYTES:
        raise ValueError(
            f"the secret of key {name} has {len(decoded)} bytes and must have at least "
            f"{LEAST_SECRET_BYTES}: openssl rand -base64 {LEAST_SECRET_BYTES}"
        )
    return AddressKey(name, decoded)


def _keyed(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
