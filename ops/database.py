"""The database, for the length of one command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from db.engine import check, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """An engine over a database that answers and has this version's tables.

    Raises:
        ConfigurationError: DATABASE_URL is missing or malformed.
        DatabaseError: it does not answer, or is not migrated.
    """
    engine = connect(settings, application_name="mailsluice-cli")
    try:
        check(engine)
        yield engine
    finally:
        engine.dispose()
