"""Duties of the scheduler: events that outran the record of their message join it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.event_joins import AT_ONCE, join_tagged, join_untagged

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.settings import Settings

# Longer than any send takes to be written down. An outage of the database holds events up too.
UNTAGGED_SECONDS = 900.0


class Joiner:
    """Looks for messages that have appeared since their events came."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._policy = settings.suppression_policy

    def join(self) -> bool:
        """Join what can be joined; True when there may be more."""
        joined = [
            join_tagged(self._engine, self._policy),
            join_untagged(self._engine, self._policy, within_seconds=UNTAGGED_SECONDS),
        ]
        return max(joined) == AT_ONCE
