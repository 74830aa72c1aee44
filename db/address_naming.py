"""The one name by which all tables know an address: itself, or a keyed digest of it.

Where encryption keys are configured, an address stands in the tables by its digest, and the book
(`email_addresses`) has it encrypted. All tables know one address by one name, at every moment:
whoever writes names asks here first, in the same transaction, and holds the suppression list until
its commit; whoever renames waits for that (`renaming`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from config.address_keys import is_digest
from db.address_keys import encryption_of, erased, keys_of, require_keys
from db.batch_sql import BatchStatement, array

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

    from config.address_keys import AddressKeys

# How new addresses are written. While they are being turned, those that are known in plain stay so
# until their turn comes; `opening` is the way back.
PLAIN = "plain"
TURNING = "turning"
SEALED = "sealed"
OPENING = "opening"

# Nobody's mailbox, and SES's rates have to know it: it is not hidden.
SIMULATOR = "@simulator.amazonses.com"

# Where addresses stand. A name is in no other column, but for those that events wait with.
TABLES = {
    "email_suppressions": ("address",),
    "email_suppression_changes": ("address",),
    "email_recipients": ("address",),
    "email_bounces": ("address",),
    "email_complaints": ("address",),
    "email_deliveries": ("address",),
    "ses_suppressions": ("address", "spelling"),
}

# What is in the book and was not used for as long may be forgotten once no table names it.
TOUCHED_DAYS = 30

_STATE = BatchStatement("SELECT state, digest_key FROM address_sealing")

_HELD = BatchStatement(f"""
SELECT name, used_at < now() - interval '{TOUCHED_DAYS} days' AS is_old
FROM email_addresses WHERE name = ANY(:digests::text[])
""")  # noqa: S608  a constant

_FORMER = BatchStatement("""
SELECT former, name FROM email_addresses WHERE former = ANY(:names::text[])
""")

# In the order of the names, so that two cannot deadlock.
_ENTER = BatchStatement("""
INSERT INTO email_addresses AS b (name, sealed, sealed_by, domains)
SELECT name, sealed, :sealed_by::text, domains::text[]
FROM unnest(:names::text[], :sealed::text[], :domains::text[]) AS new (name, sealed, domains)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET used_at = now()
""")


def known_in_plain(address: str) -> str:
    """SQL: whether any table has this address as it is: of a function, which is planned once."""
    return f"address_stands_in_plain({address})"


_PLAIN = BatchStatement(f"""
SELECT given.address FROM unnest(:addresses::text[]) AS given (address)
WHERE {known_in_plain("given.address")}
""")  # noqa: S608  constants


@dataclass(frozen=True)
class Names:
    """The names of some addresses; one that is not in them stands as it is.

    `erased` are the addresses of which no more than the digest may be kept.
    """

    names: dict[str, str] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()

    def of(self, address: str) -> str:
        """What the tables have in the place of the address."""
        return self.names.get(address, address)


@dataclass(frozen=True)
class Sealing:
    """How new addresses are written, and with which key their digests are made."""

    state: str = PLAIN
    digest_key: str | None = None

    def name(self, keys: AddressKeys, address: str) -> str:
        """The name of an address that is new."""
        key = next((each for each in keys.keys if each.id == self.digest_key), None)
        hides = key is not None and self.state in (TURNING, SEALED) and is_hidden(address)
        return key.digest(address) if key is not None and hides else address


def is_hidden(address: str) -> bool:
    """Whether its digest stands for it, once addresses are sealed."""
    return not address.endswith(SIMULATOR) and not is_digest(address)


def sealing(connection: Connection) -> Sealing:
    """How addresses are written at this moment.

    Raises:
        KeysMissingError: the database needs a key that is not configured here.
    """
    require_keys(connection)
    row = _STATE.run(connection).one_or_none()
    return Sealing() if row is None else Sealing(row.state, row.digest_key)


def named(connection: Connection, addresses: Iterable[str]) -> Names:
    """The names to write for normalised addresses. What is new is entered into the book.

    To be the first of a transaction: it then comes wholly before a renaming, or wholly after.

    Raises:
        KeysMissingError: the database needs a key that is not configured here.
    """
    wanted = {each for each in addresses if is_hidden(each)}
    digests = erased(connection, wanted)
    if not encryption_of(connection):
        require_keys(connection)
        return Names(digests, frozenset(digests))
    now = sealing(connection)
    held, old = _in_the_book(connection, wanted)
    gone = frozenset(digests.keys() - held.keys())
    rest = wanted - held.keys() - gone
    new = {address: now.name(keys_of(connection), address) for address in rest}
    plain = _plain_among(connection, rest) if now.state == TURNING else set()
    new = {each: name for each, name in new.items() if name != each and each not in plain}
    enter(connection, {**new, **{each: held[each] for each in old}})
    return Names({**digests, **held, **new}, gone)


def hidden_names(connection: Connection, addresses: Iterable[str]) -> Names:
    """The names that addresses get when they are hidden, be they known in plain or not."""
    wanted = {each for each in addresses if is_hidden(each)}
    digests = erased(connection, wanted)
    held, _old = _in_the_book(connection, wanted)
    gone = frozenset(digests.keys() - held.keys())
    key = keys_of(connection).keys[0]
    new = {each: key.digest(each) for each in wanted - held.keys() - gone}
    enter(connection, new)
    return Names({**digests, **held, **new}, gone)


def enter(connection: Connection, names: dict[str, str]) -> None:
    """Write addresses into the book under their names, or that they are in use."""
    if not names:
        return
    keys = encryption_of(connection)
    _ENTER.run(
        connection,
        names=array(names.values()),
        sealed=array(map(keys.keys[0].seal, names)),
        domains=array(domains_of(keys_of(connection), each) for each in names),
        sealed_by=keys.keys[0].id,
    )


def known_name(connection: Connection, address: str) -> str:
    """The name of an address to be looked for; itself, if the book has it not."""
    if not encryption_of(connection) or not is_hidden(address):
        return address
    held, _old = _in_the_book(connection, {address})
    return held.get(address, address)


def renamed_since(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """Those of the names that have another by now, each with that."""
    digests = [each for each in names if is_digest(each)]
    if not digests or not encryption_of(connection):
        return {}
    return {row.former: row.name for row in _FORMER.run(connection, names=array(digests))}


def domains_of(keys: AddressKeys, address: str) -> str:
    """Digests of an address's domain and of each above it, as an array of PostgreSQL."""
    return _domains(keys, address.rpartition("@")[2])


@lru_cache(maxsize=4096)
def _domains(keys: AddressKeys, domain: str) -> str:
    labels = domain.split(".")
    above = [".".join(labels[first:]) for first in range(len(labels))]
    return array(keys.keys[0].digest(f"@{each}") for each in above)


def domain_digests(keys: AddressKeys, domains: Iterable[str]) -> list[str]:
    """What the book may have in the place of these domains."""
    return [key.digest(f"@{each}") for each in domains for key in keys.keys]


def _in_the_book(
    connection: Connection, addresses: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """The names of those that are in it, and which of them were not used for long."""
    keys = keys_of(connection)
    meant = {digest: each for each in addresses for digest in keys.digests(each)}
    rows: Sequence[Any] = _HELD.run(connection, digests=array(meant)).all() if meant else []
    old = [meant[row.name] for row in rows if row.is_old]
    return {meant[row.name]: row.name for row in rows}, old


def _plain_among(connection: Connection, addresses: Iterable[str]) -> set[str]:
    return set(_PLAIN.run(connection, addresses=array(addresses)).scalars())
