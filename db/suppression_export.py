"""The whole suppression list as CSV, by COPY: a snapshot of one moment, in constant memory."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.address_keys import encryption_of
from db.copying import copying
from db.patience import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.encryption_keys import EncryptionKeys

_WRITTEN = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
_COLUMNS = f"""
address, scope, reason, {_WRITTEN.format("created_at")} AS created_at,
{_WRITTEN.format("expires_at")} AS expires_at, note
"""
_EXPORT = f"""
COPY (SELECT {_COLUMNS} FROM email_suppressions ORDER BY address, scope)
TO STDOUT WITH (FORMAT csv, HEADER)
"""  # noqa: S608  constants

# What is in the book comes first: there is no comma in it, nor in the name that it stands for.
_SEALED_EXPORT = f"""
COPY (
    SELECT b.sealed, {_COLUMNS}
    FROM email_suppressions LEFT JOIN email_addresses AS b ON b.name = address
    ORDER BY address, scope
) TO STDOUT WITH (FORMAT csv, HEADER)
"""  # noqa: S608  constants
_HEADER = b"sealed,"
_COUNT = text("SELECT count(*) FROM email_suppressions")


@contextmanager
def export(engine: Engine) -> Iterator[tuple[int, Iterator[bytes]]]:
    """How many entries there are, and the lines: a header, then each entry, in UTF-8.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away, perhaps in the middle.
    """
    with snapshot(engine) as connection:
        count = connection.scalar(_COUNT) or 0
        keys = encryption_of(engine)
        with copying(connection, _SEALED_EXPORT if keys else _EXPORT) as copied:
            lines = (bytes(line) for line in copied)
            yield count, (_opened(keys, line) for line in lines) if keys else lines


def _opened(keys: EncryptionKeys, line: bytes) -> bytes:
    """The line with the address in the place of its name."""
    if line.startswith((b",", _HEADER)):
        return line.partition(b",")[2]
    sealed, _name, rest = line.split(b",", 2)
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([keys.open(sealed.decode())])
    return written.getvalue().encode() + b"," + rest
