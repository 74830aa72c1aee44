"""The scheduler's duty `suppressions`, and the same by hand: the step with SES's own list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from config import aws
from db import accounts, ses_list
from worker.scheduler.duties import Duty
from worker.scheduler.suppression_sync import SuppressionSync, SyncRules
from worker.ses.spacing import Spacing
from worker.ses.suppressed import SuppressedDestinations

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.settings import Settings
    from worker.scheduler.sync_metrics import SyncMetrics

log = structlog.get_logger(__name__)

NAME = "suppressions"
# Longer than a turn, the longest wait between two calls, and one call with the longest time-outs.
LEASE_SECONDS = 150.0
HOUR_SECONDS = 3600.0


class SyncDuty:
    """The step, while SES's account has production access: without, SES takes no address."""

    def __init__(
        self, engine: Engine, region: str, sync: SuppressionSync, metrics: SyncMetrics
    ) -> None:
        self._engine = engine
        self._region = region
        self._sync = sync
        self._metrics = metrics

    def work(self) -> bool:
        """One turn; True when there is more. Raises what boto3 and SQLAlchemy raise."""
        account = accounts.latest(self._engine, self._region)
        if account is None or not account.production_access:
            log.info("SES's suppression list is left alone: no production access is known of")
            return False
        if self._sync.turn():
            return True
        if self._sync.is_in_step():
            self._metrics.record_success(ses_list.count(self._engine, self._region))
        return False


def sync_duties(
    settings: Settings, engine: Engine, metrics: SyncMetrics, stopping: threading.Event
) -> list[Duty]:
    """The duty, if the settings ask for it."""
    if not settings.ses_suppression_sync:
        return []
    sync = make_sync(settings, engine, stopping, metrics.record_step)
    duty = SyncDuty(engine, settings.aws_region, sync, metrics)
    return [Duty(NAME, settings.ses_suppression_sync_seconds, LEASE_SECONDS, duty.work)]


def make_sync(
    settings: Settings,
    engine: Engine,
    stopping: threading.Event,
    count: Callable[[str, int], None],
    *,
    full: bool = False,
    only_look: bool = False,
) -> SuppressionSync:
    """The step as the settings want it. Raises ConfigurationError: the region is missing."""
    rules = SyncRules(
        region=settings.aws_region,
        policy=settings.suppression_policy,
        follow=settings.ses_suppression_follow_removals,
        full=full,
        full_seconds=settings.ses_suppression_full_hours * HOUR_SECONDS,
        only_look=only_look,
    )
    there = SuppressedDestinations(aws.ses_paced(settings), Spacing(stopping))
    return SuppressionSync(engine, there, rules, count)
