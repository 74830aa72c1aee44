"""Duty of the scheduler: what is older than its table keeps it goes, in small batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from config.retention import SECONDS_A_DAY
from db import retention
from db.address_retention import forget_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.settings import Settings
    from db.retention import Removed, Table
    from worker.scheduler.metrics import SchedulerMetrics

LOOK_SECONDS = 600.0
# An encrypted address goes when no table names it, and nobody has written its name for as long.
UNUSED_DAYS = 90.0


@dataclass(frozen=True)
class _Rule:
    table: str
    what: str
    retire: Callable[..., Removed]
    days: float


class Retention:
    """Removes and empties what is old enough. A table that keeps for ever is left alone."""

    def __init__(self, engine: Engine, settings: Settings, metrics: SchedulerMetrics) -> None:
        self._metrics = metrics
        self._most = settings.retention_batch_rows
        self._rules = [rule for rule in _rules(engine, settings) if rule.days]

    def retire(self) -> bool:
        """One batch of the first table that has a whole one; True when there may be more.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; whole batches are done or none.
        """
        return any(self._retire(rule) for rule in self._rules)

    def _retire(self, rule: _Rule) -> bool:
        done = rule.retire(older_than_seconds=rule.days * SECONDS_A_DAY, most=self._most)
        if done.rows:
            self._metrics.record_retired(rule.table, rule.what, done.rows)
        return done.is_whole


def _rules(engine: Engine, settings: Settings) -> list[_Rule]:
    """In their order: no bounce outlives the delivery, or the word, that ended its count."""

    def removing(table: Table, days: float) -> _Rule:
        return _Rule(table.name, "removed", partial(retention.remove, engine, table), days)

    emptying = partial(retention.empty_events, engine)
    forgetting_names = partial(forget_names, engine)
    forgetting = partial(retention.remove_recipients, engine)
    return [
        removing(retention.BOUNCES, settings.retain_bounces_days),
        removing(retention.DELIVERIES, settings.retain_bounces_days),
        removing(retention.COMPLAINTS, settings.retain_complaints_days),
        removing(retention.SUPPRESSION_CHANGES, settings.retain_suppression_changes_days),
        _Rule("email_recipients", "removed", forgetting, settings.retain_recipients_days),
        removing(retention.MESSAGES, settings.retain_messages_days),
        removing(retention.EVENTS, settings.retain_events_days),
        removing(retention.REFUSED, settings.retain_refused_days),
        _Rule("email_events", "emptied", emptying, settings.retain_event_contents_days),
        _Rule("email_addresses", "removed", forgetting_names, UNUSED_DAYS),
    ]
