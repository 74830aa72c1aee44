"""From which moment on addresses are sealed, and which keys that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.address_keys import DIGEST, ENCRYPTED, encryption_of, keys_of, note
from db.address_naming import OPENING, PLAIN, SEALED, TABLES, TURNING
from db.renaming import lock

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_IS_NOTED = text("""
SELECT EXISTS (SELECT FROM address_keys WHERE purpose = :purpose AND id = :id
    AND fingerprint = :fingerprint AND is_required)
""")
_STATE = text("SELECT state FROM address_sealing")
_IS_EMPTY = text(
    f"SELECT NOT ({' OR '.join(f'EXISTS (SELECT FROM {table})' for table in TABLES)})"  # noqa: S608  constants
)
_SET = text("""
INSERT INTO address_sealing (state, digest_key) VALUES (:state, :digest_key)
ON CONFLICT (single) DO UPDATE SET state = excluded.state, digest_key = excluded.digest_key
""")


def is_put_off(engine: Engine) -> bool:
    """Whether addresses are written in plain text although they are to be encrypted."""
    if encryption_of(engine).current is None:
        return False
    with engine.begin() as connection:
        return (connection.scalar(_STATE) or PLAIN) in (PLAIN, OPENING)


def begin(engine: Engine) -> None:
    """What a process that is configured to encrypt does at its start.

    A database without an address is sealed from then on. What stands in others is turned by
    `mailsluice keys rotate`, and until then new addresses are written as the old ones are.
    """
    with engine.begin() as connection:
        key = encryption_of(connection).current
        if key is None:
            return
        terms = {"purpose": ENCRYPTED, "id": key.id, "fingerprint": key.fingerprint}
        if not connection.scalar(_IS_NOTED, terms):
            note(connection, key, ENCRYPTED, is_required=True)
        if connection.scalar(_STATE) is None and connection.scalar(_IS_EMPTY):
            lock(connection)
            if connection.scalar(_STATE) is None and connection.scalar(_IS_EMPTY):
                _set(connection, SEALED)


def turn(engine: Engine) -> None:
    """From now on all new addresses are written as is wanted, with our first keys.

    Whoever writes at this moment has ended, and claims without the key are refused.
    """
    with engine.begin() as connection:
        lock(connection)
        state = connection.scalar(_STATE) or PLAIN
        if encryption_of(connection).current is None:
            _set(connection, OPENING)
        else:
            _set(connection, SEALED if state == SEALED else TURNING)


def turned(engine: Engine) -> None:
    """All addresses are written as is wanted."""
    with engine.begin() as connection:
        lock(connection)
        state = connection.scalar(_STATE)
        _set(connection, SEALED if state in (TURNING, SEALED) else PLAIN)


def _set(connection: Connection, state: str) -> None:
    key = keys_of(connection).keys[0]
    if state in (TURNING, SEALED):
        note(connection, key, DIGEST, is_required=True)
        note(connection, encryption_of(connection).keys[0], ENCRYPTED, is_required=True)
    connection.execute(_SET, {"state": state, "digest_key": key.id})
