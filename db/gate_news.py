"""Hearing at once that a gate has changed (LISTEN), where otherwise one would have to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from db.gates import CHANNEL

if TYPE_CHECKING:
    import threading

    from sqlalchemy import Engine


class GateNews:
    """Waits for the next change of a gate, over a connection of its own.

    Behind a pooler that knows no LISTEN, and while the database is away, it only waits.
    """

    def __init__(self, engine: Engine, stopping: threading.Event) -> None:
        self._engine = engine
        self._stopping = stopping
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, most_seconds: float) -> bool:
        """Wait until a gate may have changed, at most so long; True when the process stops."""
        try:
            for _ in self._listening().notifies(timeout=most_seconds, stop_after=1):
                pass
        except (psycopg.Error, SQLAlchemyError):
            self.close()
            return self._stopping.wait(most_seconds)
        return self._stopping.is_set()

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _listening(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            pooled = self._engine.raw_connection()
            connection = pooled.driver_connection
            # It stays open for as long as the process: not one of the pool's.
            pooled.detach()
            if not isinstance(connection, psycopg.Connection):
                raise psycopg.NotSupportedError
            self._connection = connection
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
        return self._connection
