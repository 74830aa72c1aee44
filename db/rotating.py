"""Brings every row to the first keys, in batches: new digests, new encryption, or plain text.

How far it has come is in the rows: whoever goes on after a kill does what is left.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from config.errors import ConfigurationError
from db import sealing
from db.address_keys import encryption_of, keys_of
from db.address_naming import SIMULATOR, TABLES, domains_of, hidden_names
from db.batch_sql import BatchStatement, array
from db.patience import be_patient
from db.renaming import lock, rename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

AT_ONCE = 500
# Nobody else waits longer than that because the rotation waits for somebody.
LOCK_SECONDS = 2
# Something that holds a table for ten minutes has to be looked at.
TRIES = 200

_ONE_AT_A_TIME = text("SELECT pg_try_advisory_lock(hashtext('mailsluice keys rotate'))")
_LOCKED = (LockNotAvailable, DeadlockDetected)
_LOCK_TIMEOUT = text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")

# What the book has that is not as the first keys would have it.
STALE = (
    "NOT (starts_with(name, :named) AND sealed_by = :sealed_by AND starts_with(domains[1], :named))"
)
HIDDEN = "starts_with(name, 'hmac:')"

_REWRITE = BatchStatement("""
UPDATE email_addresses AS b SET name = new.name, sealed = new.sealed, sealed_by = :sealed_by,
    domains = new.domains::text[],
    former = CASE WHEN b.name = new.name THEN b.former ELSE b.name END
FROM unnest(:old::text[], :names::text[], :sealed::text[], :domains::text[])
    AS new (old, name, sealed, domains)
WHERE b.name = new.old
""")
_DROP_TWINS = BatchStatement("""
DELETE FROM email_addresses WHERE name = ANY(:names::text[]) AND name <> ALL(:old::text[])
""")
_HELD = BatchStatement("""
SELECT name, sealed FROM email_addresses WHERE name = ANY(:names::text[]) ORDER BY name FOR UPDATE
""")
_LEFT_PLAIN = text("DELETE FROM email_addresses WHERE NOT starts_with(name, 'hmac:')")


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """For as long as nobody else rotates. Raises ConfigurationError: somebody does."""
    if not encryption_of(engine):
        raise ConfigurationError(
            "There is nothing to rotate without MAILSLUICE_ENCRYPTION_KEYS: set it, with "
            "MAILSLUICE_ADDRESS_KEYS, for every process."
        )
    with engine.connect() as connection:
        connection.detach()
        if not connection.scalar(_ONE_AT_A_TIME):
            raise ConfigurationError("Another `mailsluice keys rotate` is at work.")
        connection.commit()
        yield


def turn(engine: Engine) -> None:
    """From now on all processes write as the first keys say; to be called before the others."""
    patiently(lambda: sealing.turn(engine))


def turn_plain(engine: Engine) -> Iterator[int]:
    """Hide the addresses that stand in plain text; answers how many, batch by batch."""
    if encryption_of(engine).current is None:
        return
    for table, columns in TABLES.items():
        for column in columns:
            yield from _turn_column(engine, table, column)


def turn_book(engine: Engine) -> Iterator[int]:
    """Give the addresses of the book new digests and encryption, or make them plain again."""
    condition = STALE if encryption_of(engine).current is not None else HIDDEN
    after = ""
    while names := _book_after(engine, after, condition):
        patiently(lambda: _turn_names(engine, names))
        after = names[-1]
        yield len(names)


def finish(engine: Engine) -> None:
    """Nothing is left to turn."""
    patiently(lambda: sealing.turned(engine))
    with engine.begin() as connection:
        connection.execute(_LEFT_PLAIN)


def current(engine: Engine) -> dict[str, str]:
    """The parameters of `STALE`."""
    digest, encryption = keys_of(engine).keys[0].id, encryption_of(engine).keys[0].id
    return {"named": f"hmac:{digest}:", "sealed_by": encryption}


def _turn_column(engine: Engine, table: str, column: str) -> Iterator[int]:
    page = text(f"""
    SELECT DISTINCT {column} FROM {table} WHERE {column} > :after
        AND NOT starts_with({column}, 'hmac:') AND {column} NOT LIKE '%{SIMULATOR}'
    ORDER BY {column} LIMIT :most
    """)  # noqa: S608  constants
    after = ""
    while addresses := _page(engine, page, {"after": after, "most": AT_ONCE}):
        patiently(lambda: _hide(engine, addresses))
        after = addresses[-1]
        yield len(addresses)


def _hide(engine: Engine, addresses: Sequence[str]) -> None:
    with engine.begin() as connection:
        _lock(connection)
        rename(connection, hidden_names(connection, addresses).names)


def _book_after(engine: Engine, after: str, condition: str) -> list[str]:
    page = text(f"""
    SELECT name FROM email_addresses WHERE name > :after AND {condition} ORDER BY name LIMIT :most
    """)  # noqa: S608  constants
    terms = {"after": after, "most": AT_ONCE, **(current(engine) if condition == STALE else {})}
    return _page(engine, page, terms)


def _turn_names(engine: Engine, names: Sequence[str]) -> None:
    keys, encryption = keys_of(engine), encryption_of(engine)
    stay = all(each.startswith(current(engine)["named"]) for each in names)
    with engine.begin() as connection:
        # What is only encrypted anew stands in no other table.
        if not stay or encryption.current is None:
            _lock(connection)
        rows = _HELD.run(connection, names=array(names)).all()
        told = {row.name: encryption.open(row.sealed) for row in rows}
        if encryption.current is None:
            new = told
        else:
            new = {name: keys.keys[0].digest(address) for name, address in told.items()}
        _DROP_TWINS.run(connection, names=array(new.values()), old=array(new))
        _REWRITE.run(
            connection,
            old=array(new),
            names=array(new.values()),
            sealed=array(encryption.keys[0].seal(told[name]) for name in new),
            domains=array(domains_of(keys, told[name]) for name in new),
            sealed_by=encryption.keys[0].id,
        )
        rename(connection, new)


def _page(engine: Engine, statement: Any, terms: Mapping[str, Any]) -> list[str]:  # noqa: ANN401  a TextClause
    with engine.begin() as connection:
        be_patient(connection)
        return list(connection.execute(statement, terms).scalars())


def _lock(connection: Connection) -> None:
    be_patient(connection)
    connection.execute(_LOCK_TIMEOUT)
    lock(connection)


def patiently(call: Callable[[], None]) -> None:
    """Call; again, where a lock was not to be had at once."""
    retrying = Retrying(
        retry=retry_if_exception(_is_locked),
        wait=wait_random(0.1, 1.0),
        stop=stop_after_attempt(TRIES),
        reraise=True,
    )
    retrying(call)


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, OperationalError) and isinstance(error.orig, _LOCKED)
