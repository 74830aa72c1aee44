"""The whole suppression list as CSV, by COPY: a snapshot of one moment, in constant memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.copying import copying
from db.patience import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_WRITTEN = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
_EXPORT = f"""
COPY (
    SELECT address, scope, reason, {_WRITTEN.format("created_at")} AS created_at,
        {_WRITTEN.format("expires_at")} AS expires_at, note
    FROM email_suppressions ORDER BY address, scope
) TO STDOUT WITH (FORMAT csv, HEADER)
"""  # noqa: S608  constants
_COUNT = text("SELECT count(*) FROM email_suppressions")


@contextmanager
def export(engine: Engine) -> Iterator[tuple[int, Iterator[bytes]]]:
    """How many entries there are, and the lines: a header, then each entry, in UTF-8.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away, perhaps in the middle.
    """
    with snapshot(engine) as connection:
        count = connection.scalar(_COUNT) or 0
        with copying(connection, _EXPORT) as copied:
            yield count, (bytes(line) for line in copied)
