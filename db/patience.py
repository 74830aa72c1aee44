"""Work that a person waits for, and no mail: it may take longer than a worker would wait."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

# A list or a report of many millions takes minutes; what takes longer hangs.
PATIENCE_SECONDS = 3600

_PATIENCE = text(f"SET LOCAL statement_timeout = '{PATIENCE_SECONDS}s'")


def be_patient(connection: Connection) -> None:
    """Let the statements of this transaction take long."""
    connection.execute(_PATIENCE)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment, however many statements it takes to look."""
    at_once = engine.execution_options(isolation_level="REPEATABLE READ")
    with at_once.begin() as connection:
        be_patient(connection)
        yield connection
