"""Takes a person out of the tables, and keeps only a digest so that nobody mails them again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from config.errors import ConfigurationError
from db.address_keys import erased, keys_of, note
from db.address_naming import known_name
from db.addresses import normalise
from db.sealed_texts import opened_json, sealed_json
from db.suppression_changes import Change, write
from db.suppressions import EVERYWHERE, OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Engine, TextClause

NOTE = "erased"
CODE = "Erased"


@dataclass(frozen=True)
class Erased:
    """What was found and replaced: rows by table. `ended` are messages that are not sent now."""

    rows: dict[str, int]
    ended: list[UUID]


# Claims read the list all the same; whoever writes it, or replaces addresses by digests, waits.
_LOCK = text("LOCK TABLE ses_suppressions, email_suppressions IN EXCLUSIVE MODE")

# A claim that waited would put an address back into the book after it was taken out. It holds this
# table before any message; so does not whoever removes old messages, hence after the messages.
_LOCK_RECIPIENTS = text("LOCK TABLE email_recipients IN SHARE ROW EXCLUSIVE MODE")

# Whoever writes a recipient holds its message, in the order that all take them in.
_LOCK_MESSAGES = text("""
SELECT id, state, payload FROM email_messages
WHERE id = ANY(ARRAY(SELECT message_id FROM email_recipients WHERE address = ANY(:names)))
ORDER BY id FOR UPDATE
""").bindparams(bindparam("names", type_=ARRAY(Text())))

# What SES's own list was seen to hold goes as well; it is read anew.
_OUT_OF_THE_BOOK = text("""
WITH there AS (
    DELETE FROM ses_suppressions WHERE address = ANY(:names) RETURNING spelling
)
DELETE FROM email_addresses WHERE name = ANY(:names) OR name IN (SELECT spelling FROM there)
""").bindparams(bindparam("names", type_=ARRAY(Text())))

_LIST = text("""
INSERT INTO email_suppressions AS s (address, scope, reason, source, note)
VALUES (:digest, '*', 'manual', 'operator', :note)
ON CONFLICT (address, scope) DO UPDATE SET reason = excluded.reason, source = excluded.source,
    note = excluded.note, message_id = NULL, feedback_id = NULL, expires_at = NULL,
    firm_until = NULL
WHERE s.reason <> excluded.reason OR s.expires_at IS NOT NULL
RETURNING xmax = 0 AS is_new
""")

_UNLIST = text("""
DELETE FROM email_suppressions
WHERE address = ANY(:names) AND (address, scope) <> (:digest, '*')
""").bindparams(bindparam("names", type_=ARRAY(Text())))

_HAS_OTHERS = text("""
SELECT EXISTS (SELECT FROM email_recipients
    WHERE message_id = :id AND address <> :digest AND state <> 'suppressed')
""")

_END = text("""
UPDATE email_messages SET state = 'failed', payload = NULL, due_at = NULL, lease_until = NULL,
    outcome_code = :code, outcome_reason = 'Its recipient was erased.', updated_at = now()
WHERE id = :id
""")

_STRIP = text("UPDATE email_messages SET payload = :payload WHERE id = :id")

_LEAVE_OUT = text("""
UPDATE email_recipients SET state = 'suppressed', updated_at = now()
WHERE message_id = :id AND address = :digest AND state = 'pending'
""")

_WAITING = ("queued", "parked", "unknown", "held")


def _rename(table: str, *, identity: str, also: str = "") -> tuple[TextClause, TextClause]:
    """Two statements: rows that have a twin under the digest go, the others bear it."""
    drop = text(f"""
    DELETE FROM {table} AS t WHERE address = ANY(:others) AND EXISTS (
        SELECT FROM {table} AS twin
        WHERE twin.{identity} = t.{identity} AND twin.address = :digest)
        AND address <> :digest
    """)  # noqa: S608  constants
    rename = text(f"""
    UPDATE {table} SET address = :digest{also} WHERE address = ANY(:others)
    """)  # noqa: S608  constants
    names = bindparam("others", type_=ARRAY(Text()))
    return drop.bindparams(names), rename.bindparams(names)


_RENAME = {
    "email_recipients": _rename("email_recipients", identity="message_id"),
    "email_bounces": _rename(
        "email_bounces", identity="feedback_id", also=", diagnostic_code = NULL"
    ),
    "email_complaints": _rename(
        "email_complaints", identity="feedback_id", also=", user_agent = NULL"
    ),
    "email_deliveries": _rename("email_deliveries", identity="mail"),
    "email_suppression_changes": _rename(
        "email_suppression_changes", identity="id", also=", note = NULL"
    ),
}


def erase(engine: Engine, address: str, *, by: str | None = None) -> Erased:
    """Replace a normalised address by its digest, end what waits to be sent to it alone.

    One transaction. What lies elsewhere, in the texts that came from outside, is `scrub`'s.

    Raises:
        ConfigurationError: there is no key to make a digest with.
    """
    keys = keys_of(engine)
    if not keys.keys:
        raise ConfigurationError(
            "To erase an address takes a key, by which it is recognised and not mailed again: set "
            "MAILSLUICE_ADDRESS_KEYS for every process, for example to "
            '"k1:$(openssl rand -base64 32)".'
        )
    names = keys.names(address)
    with engine.begin() as connection:
        connection.execute(_LOCK)
        digest = _digest(connection, address)
        key = next(each for each in keys.keys if each.digest(address) == digest)
        note(connection, key)
        _suppress(connection, names, digest, by)
        messages = connection.execute(_LOCK_MESSAGES, {"names": names}).all()
        connection.execute(_LOCK_RECIPIENTS)
        was_sealed = connection.execute(_OUT_OF_THE_BOOK, {"names": names}).rowcount > 0
        rows = _renamed(connection, names if was_sealed else set(names) - {digest}, digest)
        waiting = [each for each in messages if each.state in _WAITING]
        ended = [each.id for each in waiting if _settle(connection, each, address, digest)]
    return Erased(rows, ended)


def _digest(connection: Connection, address: str) -> str:
    """The one that stands for the address already, or else a new one."""
    held = known_name(connection, address)
    known = held if held != address else erased(connection, [address]).get(address)
    return known or keys_of(connection).digests(address)[0]


def _suppress(connection: Connection, names: Sequence[str], digest: str, by: str | None) -> None:
    connection.execute(_UNLIST, {"names": list(names), "digest": digest})
    row = connection.execute(_LIST, {"digest": digest, "note": NOTE}).one_or_none()
    if row is not None:
        action = "added" if row.is_new else "changed"
        why = {"reason": "manual", "entry_reason": "manual", "note": NOTE}
        write(connection, [Change(digest, EVERYWHERE, action, OPERATOR, by=by, **why)])  # type: ignore[arg-type]  # texts all


def _renamed(connection: Connection, names: Iterable[str], digest: str) -> dict[str, int]:
    terms = {"others": list(names), "digest": digest}
    counts = {}
    for table, (drop, rename) in _RENAME.items():
        dropped = connection.execute(drop, terms).rowcount
        counts[table] = dropped + connection.execute(rename, terms).rowcount
    return counts


def _settle(connection: Connection, message: Any, address: str, digest: str) -> bool:  # noqa: ANN401  a row
    """What waits for this recipient alone is ended; others still get theirs."""
    terms = {"id": message.id, "digest": digest}
    if not connection.scalar(_HAS_OTHERS, terms):
        connection.execute(_END, {"id": message.id, "code": CODE})
        return True
    connection.execute(_LEAVE_OUT, terms)
    if message.payload is not None:
        left = json.dumps(_without(opened_json(connection, message.payload), address))
        connection.execute(_STRIP, {"id": message.id, "payload": sealed_json(connection, left)})
    return False


def _without(job: Mapping[str, Any], address: str) -> dict[str, Any]:
    lists = {name: job[name] for name in ("to", "cc", "bcc") if isinstance(job.get(name), list)}
    return dict(job) | {
        name: [each for each in told if normalise(str(each)) != address]
        for name, told in lists.items()
    }
