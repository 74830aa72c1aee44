"""Runs Alembic from code: the migrations travel inside the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number that nothing else locks: two releases must not migrate at the same time.
MIGRATION_LOCK = 4_712_001


def migrate(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Upgrade the database; answers the revisions before and after.

    Safe to run from several places at once: one goes first, the others find nothing to do.
    """
    with engine.begin() as connection:
        # A migration of a large table may take its time.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        before = _current(connection)
        command.upgrade(_config(connection), revision)
        return before, _current(connection)


@cache
def newest_revision() -> str:
    """The revision that this program's tables are at."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError(f"there are no migrations in {MIGRATIONS}")
    return head


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext  # noqa: PLC0415  heavy, and only here

    return MigrationContext.configure(connection).get_current_revision()
