"""Settles unknown outcomes: by the proof of SES's silence, or by the stream's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from config.failpoints import failpoint
from db import unknowns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Engine

    from config.settings import Settings
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)


class Settler:
    """One pass finds abandoned claims, and decides about unknown outcomes that are due."""

    def __init__(self, engine: Engine, settings: Settings, metrics: SchedulerMetrics) -> None:
        self._engine = engine
        self._grace_seconds = settings.unknown_grace_seconds
        self._events_queues = settings.events_queue_names
        self._metrics = metrics
        streams = settings.streams.values()
        self._resending = [each.name for each in streams if each.unknown_policy == "resend"]
        self._holding = [each.name for each in streams if each.unknown_policy == "hold"]

    def sweep(self) -> None:
        """Claims whose worker has gone become unknown. Raises what SQLAlchemy raises."""
        failpoint("in_sweep")
        self._note("unknown", unknowns.sweep(self._engine, grace_seconds=self._grace_seconds))

    def settle(self) -> None:
        """Decide what can be decided. Raises what SQLAlchemy raises."""
        if unknowns.hears_events(self._engine, grace_seconds=self._grace_seconds):
            proven = unknowns.resend_proven(self._engine, events_queues=self._events_queues)
            self._note("proven_not_sent", proven)
        else:
            log.error("no events of SES arrive: check the subscription of their topic")
        doubtful = unknowns.hold_doubtful(self._engine, events_queues=self._events_queues)
        self._note("held", doubtful)
        self._note("resend", unknowns.resend_by_policy(self._engine, self._resending))
        self._note("held", unknowns.hold_by_policy(self._engine, self._holding))

    def _note(self, decision: str, ids: Sequence[UUID]) -> None:
        self._metrics.record_settled(decision, len(ids))
        for message_id in ids:
            log.warning("unknown outcome", decision=decision, message_id=str(message_id))
