"""What the scheduler looks at for everybody: the SES account and the depth of the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from db import accounts, messages
from worker.ses.account import read_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sqs import SQSClient

    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)


class AccountWatch:
    """Keeps the newest reading of the account in the database, where every worker finds it."""

    def __init__(
        self, engine: Engine, ses: SESV2Client, region: str, metrics: SchedulerMetrics
    ) -> None:
        self._engine = engine
        self._ses = ses
        self._region = region
        self._metrics = metrics

    def look(self) -> None:
        """Read the account once. Raises what boto3 and SQLAlchemy raise."""
        reading = read_account(self._ses, self._region)
        before = accounts.latest(self._engine, self._region)
        accounts.save(self._engine, reading)
        self._metrics.record_account(reading)
        if before is None or before.max_send_rate != reading.max_send_rate:
            log.info("the account's send rate", per_second=reading.max_send_rate)
        if not reading.sending_enabled:
            log.warning("SES says that sending is paused", status=reading.enforcement_status)


class QueueWatch:
    """Measures the queues, and what waits in the ledger."""

    def __init__(
        self,
        engine: Engine,
        sqs: SQSClient,
        queue_urls: Mapping[str, str],
        metrics: SchedulerMetrics,
    ) -> None:
        self._engine = engine
        self._sqs = sqs
        self._queue_urls = queue_urls
        self._metrics = metrics

    def look(self) -> None:
        """Measure once. Raises what boto3 and SQLAlchemy raise."""
        for name, url in self._queue_urls.items():
            answer = self._sqs.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )
            figures = answer.get("Attributes", {})
            self._metrics.record_depth(
                name,
                visible=int(figures.get("ApproximateNumberOfMessages", 0)),
                in_flight=int(figures.get("ApproximateNumberOfMessagesNotVisible", 0)),
                delayed=int(figures.get("ApproximateNumberOfMessagesDelayed", 0)),
            )
        self._metrics.record_waiting(messages.count_waiting(self._engine))
