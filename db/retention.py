"""Removes what is old enough: a batch of rows a transaction, found by an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.states import FINAL

if TYPE_CHECKING:
    from sqlalchemy import Engine, TextClause


@dataclass(frozen=True)
class Table:
    """A table whose rows are over some time after `moment`, an indexed column."""

    name: str
    moment: str
    # What else must be true of a row.
    only: str = "true"


@dataclass(frozen=True)
class Removed:
    """What a batch came to. One that is not whole was the last."""

    rows: int
    is_whole: bool


_FINAL = ", ".join(sorted(f"'{state.value}'" for state in FINAL))

# A message scheduled long ago may have been sent a minute ago: its last change counts as well. Its
# recipients go with it.
MESSAGES = Table(
    "email_messages",
    "created_at",
    f"state IN ({_FINAL}) AND updated_at < now() - make_interval(secs => :seconds)",
)
EVENTS = Table("email_events", "received_at")
BOUNCES = Table("email_bounces", "bounced_at")
DELIVERIES = Table("email_deliveries", "delivered_at")
COMPLAINTS = Table("email_complaints", "complained_at")
REFUSED = Table("refused_messages", "last_seen_at")
SUPPRESSION_CHANGES = Table("email_suppression_changes", "changed_at")

TABLES = (MESSAGES, EVENTS, BOUNCES, DELIVERIES, COMPLAINTS, REFUSED, SUPPRESSION_CHANGES)


def _removal(table: Table) -> TextClause:
    return text(f"""
    WITH old AS MATERIALIZED (
        SELECT id FROM {table.name}
        WHERE {table.moment} < now() - make_interval(secs => :seconds) AND {table.only}
        ORDER BY {table.moment} LIMIT :most FOR UPDATE SKIP LOCKED
    )
    DELETE FROM {table.name} WHERE id = ANY(ARRAY(SELECT id FROM old))
    """)  # noqa: S608  constants


_REMOVE = {table.name: _removal(table) for table in TABLES}

# Their messages stay where they are in the index: the mark is where to go on. What was sent lately,
# though it is old, is still counted by its recipients. Who writes a recipient holds its message.
_REMOVE_RECIPIENTS = text(f"""
WITH old AS MATERIALIZED (
    SELECT id, created_at FROM email_messages AS m
    WHERE created_at >= coalesce(
            (SELECT done_until FROM retention_marks WHERE name = 'recipients'), '-infinity')
        AND created_at < now() - make_interval(secs => :seconds)
        AND state IN ({_FINAL}) AND updated_at < now() - make_interval(secs => :quiet_seconds)
        AND EXISTS (SELECT FROM email_recipients AS r WHERE r.message_id = m.id)
    ORDER BY created_at LIMIT :most FOR UPDATE
), removed AS (
    DELETE FROM email_recipients WHERE message_id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1
), marked AS (
    INSERT INTO retention_marks (name, done_until)
    SELECT 'recipients', max(created_at) FROM old HAVING count(*) > 0
    ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until
)
SELECT (SELECT count(*) FROM old) AS messages, (SELECT count(*) FROM removed) AS recipients
""")  # noqa: S608  a constant
QUIET_DAYS = 30

# What was emptied stays where it is in the index: the mark is where to go on. A waiting event still
# proves that SES has had its message, though no longer for whom.
_EMPTY_EVENTS = text("""
WITH old AS MATERIALIZED (
    SELECT id, received_at FROM email_events
    WHERE received_at >= coalesce(
            (SELECT done_until FROM retention_marks WHERE name = 'event_contents'), '-infinity')
        AND received_at < now() - make_interval(secs => :seconds)
        AND raw::text <> '{}'
    ORDER BY received_at LIMIT :most FOR UPDATE
), emptied AS (
    UPDATE email_events SET raw = '{}', proves = CASE WHEN proves IS NOT NULL THEN '{}'::json END
    WHERE id = ANY(ARRAY(SELECT id FROM old))
    RETURNING received_at
), marked AS (
    INSERT INTO retention_marks (name, done_until)
    SELECT 'event_contents', max(received_at) FROM emptied HAVING count(*) > 0
    ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until
)
SELECT count(*) FROM emptied
""")


def remove(engine: Engine, table: Table, *, older_than_seconds: float, most: int) -> Removed:
    """Remove up to `most` of the oldest rows that are older than this."""
    terms = {"seconds": older_than_seconds, "most": most}
    with engine.begin() as connection:
        rows = connection.execute(_REMOVE[table.name], terms).rowcount
    return Removed(rows, is_whole=rows == most)


def remove_recipients(engine: Engine, *, older_than_seconds: float, most: int) -> Removed:
    """Remove who got the oldest messages that are at their end: of up to `most` messages."""
    terms = {
        "seconds": older_than_seconds,
        "quiet_seconds": min(older_than_seconds, QUIET_DAYS * 86_400.0),
        "most": most,
    }
    with engine.begin() as connection:
        row = connection.execute(_REMOVE_RECIPIENTS, terms).one()
    return Removed(rows=row.recipients, is_whole=row.messages == most)


def empty_events(engine: Engine, *, older_than_seconds: float, most: int) -> Removed:
    """Take out what SES wrote in up to `most` of the oldest events that are older than this."""
    terms = {"seconds": older_than_seconds, "most": most}
    with engine.begin() as connection:
        rows = int(connection.execute(_EMPTY_EVENTS, terms).scalar_one())
    return Removed(rows, is_whole=rows == most)
