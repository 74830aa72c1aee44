"""Takes out of the book of addresses whom no table names any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from db.address_naming import TABLES
from db.retention import Removed

if TYPE_CHECKING:
    from sqlalchemy import Engine

_NAMED_SOMEWHERE = " OR ".join(
    f"EXISTS (SELECT FROM {table} WHERE {column} = old.name)"
    for table, columns in TABLES.items()
    for column in columns
)

# Whoever writes a name down has noted its use not long before (`TOUCHED_DAYS`), so that what was
# not used for longer is written by nobody at this moment. What is still named is looked at later.
_FORGET_NAMES = text(f"""
WITH old AS MATERIALIZED (
    SELECT name FROM email_addresses WHERE used_at < now() - make_interval(secs => :seconds)
    ORDER BY used_at LIMIT :most FOR UPDATE SKIP LOCKED
), named AS MATERIALIZED (
    SELECT name, {_NAMED_SOMEWHERE} AS is_named FROM old
), used AS (
    UPDATE email_addresses SET used_at = now()
    WHERE name = ANY(ARRAY(SELECT name FROM named WHERE is_named))
), removed AS (
    DELETE FROM email_addresses
    WHERE name = ANY(ARRAY(SELECT name FROM named WHERE NOT is_named)) RETURNING 1
)
SELECT (SELECT count(*) FROM old) AS looked_at, (SELECT count(*) FROM removed) AS removed
""")  # noqa: S608  constants


def forget_names(engine: Engine, *, older_than_seconds: float, most: int) -> Removed:
    """Remove from the book whom no table names any more: of up to `most` long unused names."""
    terms = {"seconds": older_than_seconds, "most": most}
    with engine.begin() as connection:
        row = connection.execute(_FORGET_NAMES, terms).one()
    return Removed(rows=row.removed, is_whole=row.looked_at == most)
