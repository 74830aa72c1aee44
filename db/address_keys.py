"""Addresses that are known by a keyed digest alone: whom `mailsluice erase` took out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from config.address_keys import AddressKeys, is_digest, key_id
from config.errors import ConfigurationError
from db.batch_sql import BatchStatement, array

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Engine

    from config.address_keys import AddressKey

# The keys travel with the connections: no look-up can be made without them by mistake.
OPTION = "mailsluice_address_keys"
_NONE = AddressKeys()

# Whoever looks holds the table until its commit, against the one who replaces addresses in it.
_ERASED = BatchStatement("""
SELECT address FROM email_suppressions WHERE address = ANY(:digests::text[]) FOR KEY SHARE
""")

_NAMED = text("""
SELECT id, fingerprint FROM address_keys AS k WHERE EXISTS (
    SELECT FROM email_suppressions AS s
    WHERE s.address LIKE 'hmac:%' AND starts_with(s.address, 'hmac:' || k.id || ':'))
ORDER BY id
""")

_NOTE = text("""
INSERT INTO address_keys (id, fingerprint) VALUES (:id, :fingerprint)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint
""")


def keys_of(place: Engine | Connection) -> AddressKeys:
    """The keys that an engine was made with."""
    found: AddressKeys = place.get_execution_options().get(OPTION, _NONE)
    return found


def erased(connection: Connection, addresses: Iterable[str]) -> dict[str, str]:
    """Those of the normalised addresses that are on the list by a digest, each with that digest."""
    keys = keys_of(connection)
    if not keys.keys:
        return {}
    meant = {digest: each for each in addresses for digest in keys.digests(each)}
    found = _ERASED.run(connection, digests=array(meant)).scalars()
    return {meant[digest]: digest for digest in found}


def note(connection: Connection, key: AddressKey) -> None:
    """Write down that digests of this key are on the list."""
    connection.execute(_NOTE, {"id": key.id, "fingerprint": key.fingerprint})


def note_digests(connection: Connection, names: Iterable[str]) -> None:
    """Write down the keys of the digests among these names.

    Raises:
        ConfigurationError: one of them is not configured, so that nobody would be recognised.
    """
    ids = {key_id(each) for each in names if is_digest(each)}
    configured = {key.id: key for key in keys_of(connection).keys}
    for each in sorted(ids):
        if each not in configured:
            raise ConfigurationError(_missing(each))
        note(connection, configured[each])


def check_keys(engine: Engine) -> None:
    """Make sure that everybody who is on the list by a digest can be recognised.

    Raises:
        ConfigurationError: a key is missing, or another one bears its id.
    """
    configured = {key.id: key.fingerprint for key in keys_of(engine).keys}
    with engine.connect() as connection:
        for named, fingerprint in connection.execute(_NAMED):
            if named not in configured:
                raise ConfigurationError(_missing(named))
            if configured[named] != fingerprint:
                raise ConfigurationError(
                    f"MAILSLUICE_ADDRESS_KEYS has another secret for key {named} than the one "
                    "that erased addresses are on the suppression list by: they would be mailed. "
                    "Give a new key an id of its own, and keep the old one."
                )


def _missing(named: str) -> str:
    return (
        f"MAILSLUICE_ADDRESS_KEYS lacks the key {named}, which erased addresses are on the "
        "suppression list by: without it they would be mailed. Put it back, behind the first one."
    )
