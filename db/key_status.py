"""What rests under which key, and which keys may be taken out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.address_keys import DIGEST, ENCRYPTED, encryption_of, keys_of
from db.address_naming import PLAIN, SIMULATOR, TABLES
from db.patience import snapshot
from db.rotating_texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Engine, TextClause

    from db.rotating_texts import Texts

_STATE = text("SELECT state FROM address_sealing")
_NAMES = text("""
SELECT key, count(*) FROM (
    SELECT split_part(name, ':', 2) AS key FROM email_addresses WHERE starts_with(name, 'hmac:')
    UNION ALL
    SELECT split_part(domains[1], ':', 2) FROM email_addresses
    WHERE split_part(domains[1], ':', 2) <> split_part(name, ':', 2)
) AS names GROUP BY key
""")
_ERASED = text("""
SELECT split_part(address, ':', 2), count(DISTINCT address) FROM email_suppressions AS s
WHERE address LIKE 'hmac:%' AND NOT EXISTS (SELECT FROM email_addresses WHERE name = s.address)
GROUP BY 1
""")
_SEALED = text("SELECT sealed_by, count(*) FROM email_addresses GROUP BY 1")
_RETIRE = text("""
DELETE FROM address_keys WHERE purpose = :purpose AND id <> ALL(CAST(:ids AS text[]))
""")


@dataclass(frozen=True)
class KeyUse:
    """One key. `rows` counts by place; `erased` are digests of which no address is left."""

    purpose: str
    id: str
    configured: bool
    current: bool
    rows: Mapping[str, int]

    @property
    def may_go(self) -> bool:
        """Whether nothing needs it, and nothing new will."""
        return not self.current and not any(self.rows.values())

    @property
    def is_missing(self) -> bool:
        """Whether rows need it, and it is not configured."""
        return not self.configured and any(self.rows.values())


@dataclass(frozen=True)
class KeyStatus:
    """All keys, and by table how many addresses or texts stand in plain."""

    state: str
    keys: list[KeyUse]
    plain: Mapping[str, int]

    @property
    def is_done(self) -> bool:
        """Whether every row is as the first keys would have it."""
        stale = any(
            key.rows.get(place) for key in self.keys if not key.current for place in _TURNED
        )
        wants_plain = not any(key.current and key.purpose == ENCRYPTED for key in self.keys)
        return not stale and (wants_plain or not any(self.plain.values()))


_TURNED = ("names", "addresses", *(each.table for each in TEXTS))


def status(engine: Engine) -> KeyStatus:
    """Count everything, as of one moment: it reads all texts, and takes its time."""
    with snapshot(engine) as connection:
        digests: dict[str, Counter[str]] = {}
        _count(connection, digests, "names", _NAMES)
        _count(connection, digests, "erased", _ERASED)
        sealed: dict[str, Counter[str]] = {}
        _count(connection, sealed, "addresses", _SEALED)
        plain = _plain_addresses(connection)
        for texts in TEXTS:
            plain[f"{texts.table}.{texts.column}"] = _count_texts(connection, sealed, texts)
        state = connection.scalar(_STATE) or PLAIN
    return KeyStatus(state, _uses(engine, state, digests, sealed), plain)


def retire(engine: Engine) -> None:
    """No process has to have keys any more that nothing was made with."""
    uses = status(engine).keys
    with engine.begin() as connection:
        for purpose in (DIGEST, ENCRYPTED):
            ids = [each.id for each in uses if each.purpose == purpose and _stays(each)]
            connection.execute(_RETIRE, {"purpose": purpose, "ids": ids})


def _stays(use: KeyUse) -> bool:
    needed = {place: rows for place, rows in use.rows.items() if place != "erased"}
    return use.current or any(needed.values())


def _uses(
    engine: Engine,
    state: str,
    digests: Mapping[str, Counter[str]],
    sealed: Mapping[str, Counter[str]],
) -> list[KeyUse]:
    encryption = encryption_of(engine)
    digest_ids = [key.id for key in keys_of(engine).keys]
    hides = state != PLAIN or encryption.current is not None or not encryption
    current = {DIGEST: digest_ids[:1] if hides else [], ENCRYPTED: []}
    if encryption.current is not None:
        current[ENCRYPTED] = [encryption.current.id]
    told = {
        DIGEST: (digest_ids, digests),
        ENCRYPTED: ([key.id for key in encryption.keys], sealed),
    }
    return [
        KeyUse(purpose, each, each in ids, each in current[purpose], dict(counts.get(each, {})))
        for purpose, (ids, counts) in told.items()
        for each in dict.fromkeys([*ids, *sorted(counts)])
    ]


def _count(
    connection: Connection, into: dict[str, Counter[str]], place: str, statement: TextClause
) -> None:
    for key, rows in connection.execute(statement):
        into.setdefault(key, Counter())[place] += rows


def _count_texts(connection: Connection, into: dict[str, Counter[str]], texts: Texts) -> int:
    """By key; answers how many are in plain."""
    statement = text(f"""
    SELECT CASE WHEN starts_with({texts.column}::text, :begins)
        THEN split_part(substr({texts.column}::text, length(:begins) + 1), CHR(58), 1)
        ELSE '' END, count(*)
    FROM {texts.table} WHERE {texts.only} GROUP BY 1
    """)  # noqa: S608  constants
    plain = 0
    for key, rows in connection.execute(statement, {"begins": texts.sealed_prefix()}):
        if key:
            into.setdefault(key, Counter())[texts.table] += rows
        else:
            plain = rows
    return plain


def _plain_addresses(connection: Connection) -> dict[str, int]:
    return {
        f"{table}.{column}": int(connection.scalar(_in_plain(table, column)) or 0)
        for table, columns in TABLES.items()
        for column in columns
    }


def _in_plain(table: str, column: str) -> TextClause:
    return text(f"""
    SELECT count(*) FROM {table}
    WHERE NOT starts_with({column}, 'hmac:') AND {column} NOT LIKE '%{SIMULATOR}'
    """)  # noqa: S608  constants
