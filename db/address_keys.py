"""The keys that rows were made with: who lacks one neither starts nor claims mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from config.address_keys import AddressKeys, is_digest, key_id
from config.encryption_keys import EncryptionKeys, missing
from config.errors import ConfigurationError
from db.batch_sql import BatchStatement, array
from db.errors import KeysMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Engine

    from config.address_keys import AddressKey
    from config.encryption_keys import EncryptionKey

# The keys travel with the connections: no look-up can be made without them by mistake.
OPTION = "mailsluice_address_keys"
ENCRYPTION = "mailsluice_encryption_keys"
_NONE = AddressKeys()
_NOTHING_IS_SEALED = EncryptionKeys()

ERASED = "erased"
DIGEST = "digest"
ENCRYPTED = "encryption"

# Whoever looks holds the table until its commit, against the one who replaces addresses in it. The
# rows are not held: two batches of events about the same addresses would deadlock.
_ERASED = BatchStatement("""
WITH held AS MATERIALIZED (SELECT FROM email_suppressions WHERE false FOR KEY SHARE)
SELECT address FROM email_suppressions
WHERE address = ANY(:digests::text[]) AND NOT EXISTS (SELECT FROM held)
""")

_NAMED = text("""
SELECT purpose, id, fingerprint FROM address_keys AS k WHERE is_required OR (
    purpose = 'erased' AND EXISTS (
        SELECT FROM email_suppressions AS s WHERE s.address LIKE 'hmac:%'
        AND s.address ~>=~ ('hmac:' || k.id || ':') AND s.address ~<~ ('hmac:' || k.id || ';')))
ORDER BY purpose DESC, id
""")

_NOTED = text("SELECT id, fingerprint FROM address_keys WHERE purpose = 'erased'")

_NOTE = text("""
INSERT INTO address_keys (purpose, id, fingerprint, is_required)
VALUES (:purpose, :id, :fingerprint, :is_required)
ON CONFLICT (purpose, id) DO UPDATE SET fingerprint = excluded.fingerprint,
    is_required = excluded.is_required
""")

# To be a part of the very statement that looks an address up.
LACKS_A_KEY = """
EXISTS (SELECT FROM address_keys WHERE is_required AND fingerprint <> ALL(:fingerprints::text[]))
"""

_LACKS_A_KEY = BatchStatement(f"SELECT {LACKS_A_KEY}")


def keys_of(place: Engine | Connection) -> AddressKeys:
    """The keys that an engine was made with."""
    found: AddressKeys = place.get_execution_options().get(OPTION, _NONE)
    return found


def encryption_of(place: Engine | Connection) -> EncryptionKeys:
    """The keys that encrypt what an engine writes."""
    found: EncryptionKeys = place.get_execution_options().get(ENCRYPTION, _NOTHING_IS_SEALED)
    return found


def fingerprints(place: Engine | Connection) -> list[str]:
    """Which keys are at hand."""
    digests = [key.fingerprint for key in keys_of(place).keys]
    return digests + [key.fingerprint for key in encryption_of(place).keys]


def lacking() -> KeysMissingError:
    """What stops a process that was started before a key came into use."""
    return KeysMissingError(
        "The database needs a key that this process was started without: give every process the "
        "same MAILSLUICE_ADDRESS_KEYS and MAILSLUICE_ENCRYPTION_KEYS, and start it anew."
    )


def require_keys(connection: Connection) -> None:
    """Raises KeysMissingError: addresses may stand under a digest that is not known here."""
    found = _LACKS_A_KEY.run(connection, fingerprints=array(fingerprints(connection)))
    if found.scalar_one():
        raise lacking()


def erased(connection: Connection, addresses: Iterable[str]) -> dict[str, str]:
    """Those of the normalised addresses that are on the list by a digest, each with that digest."""
    keys = keys_of(connection)
    if not keys.keys:
        return {}
    meant = {digest: each for each in addresses for digest in keys.digests(each)}
    found = _ERASED.run(connection, digests=array(meant)).scalars()
    return {meant[digest]: digest for digest in found}


def note(
    connection: Connection,
    key: AddressKey | EncryptionKey,
    purpose: str = ERASED,
    *,
    is_required: bool = False,
) -> None:
    """Write down that rows were made with this key."""
    terms = {"purpose": purpose, "id": key.id, "fingerprint": key.fingerprint}
    connection.execute(_NOTE, {**terms, "is_required": is_required})


def note_digests(connection: Connection, names: Iterable[str]) -> None:
    """Write down the keys of the digests among these names.

    Raises:
        ConfigurationError: one of them is not configured, so that nobody would be recognised.
    """
    ids = {key_id(each) for each in names if is_digest(each)}
    if not ids:
        return
    configured = {key.id: key for key in keys_of(connection).keys}
    noted = {(row.id, row.fingerprint) for row in connection.execute(_NOTED)}
    for each in sorted(ids):
        if each not in configured:
            raise ConfigurationError(_missing(each))
        if (each, configured[each].fingerprint) not in noted:
            note(connection, configured[each])


def check_keys(engine: Engine) -> None:
    """Make sure that everybody who is known by a digest can be recognised, and shown.

    Raises:
        ConfigurationError: a key is missing, or another one bears its id.
    """
    digests = {key.id: key.fingerprint for key in keys_of(engine).keys}
    encryption = {key.id: key.fingerprint for key in encryption_of(engine).keys}
    with engine.connect() as connection:
        for purpose, named, fingerprint in connection.execute(_NAMED):
            is_digest_key = purpose != ENCRYPTED
            configured = (digests if is_digest_key else encryption).get(named)
            if configured is None:
                raise ConfigurationError(_missing(named) if is_digest_key else missing(named))
            if configured != fingerprint:
                raise ConfigurationError(_another(named, is_digest_key=is_digest_key))


def _missing(named: str) -> str:
    return (
        f"MAILSLUICE_ADDRESS_KEYS lacks the key {named}, which erased or encrypted addresses are "
        "on the suppression list by: without it they would be mailed. Put it back, behind the "
        "first one; `mailsluice keys status` tells when it may be taken out."
    )


def _another(named: str, *, is_digest_key: bool) -> str:
    if not is_digest_key:
        return (
            f"MAILSLUICE_ENCRYPTION_KEYS has another secret for key {named} than the one that "
            "addresses in the database are encrypted with: they could not be read. Give a new key "
            "an id of its own, and keep the old one."
        )
    return (
        f"MAILSLUICE_ADDRESS_KEYS has another secret for key {named} than the one that erased or "
        "encrypted addresses are on the suppression list by: they would be mailed. Give a new key "
        "an id of its own, and keep the old one."
    )
