"""What the scheduler looks at for everybody: the SES account and the depth of the queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import ClientError

from config.failures import error_name
from config.queues import depth_of
from db import accounts, gates, messages, watermarks
from worker.ses.account import read_account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sqs import SQSClient

    from db.accounts import AccountReading
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)


# A gate outlives a poll that fails, and opens by itself when nobody polls any more.
SHUT_FOR_POLLS = 2


class AccountWatch:
    """Keeps the newest reading of the account in the database, where every worker finds it.

    Shuts the gate of everything while SES takes no mail, and opens it when SES does again.
    """

    def __init__(
        self,
        engine: Engine,
        ses: SESV2Client,
        region: str,
        metrics: SchedulerMetrics,
        *,
        poll_seconds: float,
    ) -> None:
        self._engine = engine
        self._ses = ses
        self._region = region
        self._metrics = metrics
        self._shut_seconds = SHUT_FOR_POLLS * poll_seconds

    def look(self) -> None:
        """Read the account once. Raises what boto3 and SQLAlchemy raise."""
        began = time.monotonic()
        reading = read_account(self._ses, self._region)
        took_seconds = time.monotonic() - began
        self._steer(reading, gates.ACCOUNT_PAUSED, shut=reading.is_paused)
        self._steer(reading, gates.QUOTA, shut=reading.is_complete and reading.is_quota_used_up)
        before = accounts.latest(self._engine, self._region)
        if not accounts.save(self._engine, reading, took_seconds=took_seconds):
            log.warning("SES did not say the account's send rate; the last reading stands")
            return
        self._metrics.record_account(reading)
        if before is None or before.max_send_rate != reading.max_send_rate:
            log.info("the account's send rate", per_second=reading.max_send_rate)

    def _steer(self, reading: AccountReading, reason: str, *, shut: bool) -> None:
        if shut:
            gates.shut(self._engine, gates.EVERYTHING, reason=reason, seconds=self._shut_seconds)
            log.warning("SES takes no mail", reason=reason, status=reading.enforcement_status)
        # An answer with parts missing is no word that all is well.
        elif reading.is_complete and gates.cure(self._engine, gates.EVERYTHING, reason=reason):
            log.info("SES takes mail again", reason=reason)


class QueueWatch:
    """Measures the queues, how far the event queues are drained, and what waits in the ledger."""

    def __init__(
        self,
        engine: Engine,
        sqs: SQSClient,
        queue_urls: Mapping[str, str],
        metrics: SchedulerMetrics,
        *,
        events_queues: Sequence[str],
    ) -> None:
        self._engine = engine
        self._events_queues = events_queues
        self._sqs = sqs
        self._queue_urls = queue_urls
        self._metrics = metrics

    def look(self) -> None:
        """Measure once; a queue that SQS says nothing of keeps no other from being measured.

        Raises what boto3 raises when SQS does not answer, and what SQLAlchemy raises.
        """
        self._metrics.record_waiting(messages.count_waiting(self._engine))
        ages_seconds = watermarks.ages_seconds(self._engine, self._events_queues)
        self._metrics.record_watermark_ages(ages_seconds)
        for name, url in self._queue_urls.items():
            try:
                self._metrics.record_depth(name, depth_of(self._sqs, url))
            except ClientError as error:
                log.warning("queue cannot be measured", queue=name, code=error_name(error))
