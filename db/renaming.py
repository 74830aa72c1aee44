"""Gives addresses other names, in all tables at once: nobody ever sees one under two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db.address_naming import TABLES
from db.suppression_strength import KEEP_THE_STRONGER
from db.suppressions import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, TextClause

# In the order in which all take them. Whoever writes names holds the suppression list, and a claim
# the recipients; a claim that waits here looks anew when it goes on.
_LOCKS = (
    text("LOCK TABLE ses_suppressions IN EXCLUSIVE MODE"),
    text("LOCK TABLE email_suppressions IN EXCLUSIVE MODE"),
    text("LOCK TABLE email_recipients IN SHARE ROW EXCLUSIVE MODE"),
)

_PAIRS = "unnest(:old, :new) AS pair (old, new)"

# What makes two rows of one address the same. The list is merged: nothing on it may get weaker.
_IDENTITIES = {
    "email_recipients": ("message_id",),
    "email_bounces": ("feedback_id",),
    "email_complaints": ("feedback_id",),
    "email_deliveries": ("mail",),
}


def _with_pairs(sql: str) -> TextClause:
    names = [bindparam(each, type_=ARRAY(Text())) for each in ("old", "new")]
    return text(sql).bindparams(*names)


def _drop_twins(table: str, identity: str) -> TextClause:
    return _with_pairs(f"""
    DELETE FROM {table} AS t USING {_PAIRS} WHERE t.address = pair.old AND EXISTS (
        SELECT FROM {table} AS twin
        WHERE twin.{identity} = t.{identity} AND twin.address = pair.new)
    """)  # noqa: S608  constants


def _rename(table: str, column: str) -> TextClause:
    return _with_pairs(f"""
    UPDATE {table} SET {column} = pair.new FROM {_PAIRS} WHERE {column} = pair.old
    """)  # noqa: S608  constants


_DROP_THERE = _with_pairs(f"""
DELETE FROM ses_suppressions AS t USING {_PAIRS} WHERE t.spelling = pair.old AND EXISTS (
    SELECT FROM ses_suppressions AS twin
    WHERE twin.region = t.region AND twin.spelling = pair.new)
""")  # noqa: S608  constants

_MERGE_LIST = _with_pairs(f"""
WITH went AS (
    DELETE FROM email_suppressions AS t USING {_PAIRS} WHERE t.address = pair.old AND EXISTS (
        SELECT FROM email_suppressions AS twin
        WHERE twin.scope = t.scope AND twin.address = pair.new)
    RETURNING pair.new, t.scope, t.reason, t.source, t.note, t.message_id, t.feedback_id,
        t.expires_at, t.firm_until
)
INSERT INTO email_suppressions AS s
    (address, scope, reason, source, note, message_id, feedback_id, expires_at, firm_until)
SELECT * FROM went
{KEEP_THE_STRONGER}
""").bindparams(bindparam("reasons", list(REASONS), type_=ARRAY(Text())))  # noqa: S608  constants

_STATEMENTS = (
    _MERGE_LIST,
    *(_drop_twins(table, of[0]) for table, of in _IDENTITIES.items()),
    _DROP_THERE,
    *(_rename(table, column) for table, columns in TABLES.items() for column in columns),
)


def lock(connection: Connection) -> None:
    """Let all who write names end, and those who come later wait until the commit."""
    for statement in _LOCKS:
        connection.execute(statement)


def rename(connection: Connection, names: Mapping[str, str]) -> None:
    """From old names to new ones; where both are known, their rows become one."""
    changed = {old: new for old, new in names.items() if old != new}
    if changed:
        terms = {"old": list(changed), "new": list(changed.values())}
        for statement in _STATEMENTS:
            connection.execute(statement, terms)
