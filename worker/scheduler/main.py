"""The process `mailsluice scheduler`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from config import aws
from config.checks import check_times
from config.failpoints import arm_from_environment
from config.health import Progress
from config.logs import configure_logs
from config.monitor import Monitor
from config.process import Shutdown
from db.engine import check, connect
from db.sealing import is_put_off
from worker.queues import queue_urls
from worker.scheduler.dispatch import Dispatcher
from worker.scheduler.duties import Duty, DutyRunner
from worker.scheduler.joining import Joiner
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.quota import LOOK_SECONDS, QuotaWatch
from worker.scheduler.reputation import ReputationGuard
from worker.scheduler.retention import LOOK_SECONDS as RETENTION_SECONDS
from worker.scheduler.retention import Retention
from worker.scheduler.settling import Settler
from worker.scheduler.sync_duty import sync_duties
from worker.scheduler.sync_metrics import SyncMetrics
from worker.scheduler.watches import AccountWatch, QueueWatch

if TYPE_CHECKING:
    import threading

    from sqlalchemy import Engine

    from config.settings import Settings

log = structlog.get_logger(__name__)

PROCESS = "scheduler"


def run_scheduler(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; answers the exit code.

    Raises:
        ConfigurationError, DatabaseError: it cannot start, and why.
    """
    configure_logs(settings, PROCESS)
    arm_from_environment()
    check_times(settings)
    aws.check_credentials(settings)
    engine = connect(settings, application_name=f"mailsluice-{PROCESS}")
    check(engine)
    progress = Progress()
    monitor = Monitor(settings, PROCESS, progress)
    metrics = SchedulerMetrics(monitor.registry, settings.metrics_namespace)
    shutdown = Shutdown(settings.shutdown_seconds)
    sync_metrics = SyncMetrics(monitor.registry, settings.metrics_namespace)
    todo = _duties(settings, engine, metrics, shutdown.stopping)
    todo += sync_duties(settings, engine, sync_metrics, shutdown.stopping)
    monitor.start()
    shutdown.on_signals()
    log.info("scheduler starts", **settings.masked())
    if is_put_off(engine):
        log.warning("addresses stand in plain text until `mailsluice keys rotate` has run")
    DutyRunner(engine, shutdown.stopping, progress=progress, metrics=metrics).run(todo)
    monitor.stop()
    engine.dispose()
    shutdown.ended()
    log.info("scheduler has ended")
    return 0


def _duties(
    settings: Settings, engine: Engine, metrics: SchedulerMetrics, stopping: threading.Event
) -> list[Duty]:
    sqs = aws.sqs(settings)
    streams = settings.streams.values()
    urls = queue_urls(sqs, streams)
    queues = {stream.name: (stream.queue, urls[stream.queue]) for stream in streams}
    # What a call could not put on SQS is in the ledger: the next turn is the retry.
    dispatcher = Dispatcher(engine, aws.sqs_receiver(settings), queues, metrics, stopping)
    account = AccountWatch(
        engine,
        aws.ses_control(settings),
        settings.aws_region,
        metrics,
        poll_seconds=settings.account_poll_seconds,
    )
    quota = QuotaWatch(
        engine, settings.aws_region, settings.streams, metrics, read_account=account.look
    )
    depth = QueueWatch(engine, sqs, urls, metrics, events_queues=settings.events_queue_names)
    settler = Settler(engine, settings, metrics)
    guard = ReputationGuard(engine, settings, metrics)
    return [
        Duty("sweep", settings.settle_interval_seconds, 60.0, settler.sweep),
        Duty("settle", settings.settle_interval_seconds, 60.0, settler.settle),
        Duty("join", settings.settle_interval_seconds, 60.0, Joiner(engine, settings).join),
        Duty("dispatch", settings.dispatch_interval_seconds, 60.0, dispatcher.dispatch_due),
        Duty("account", settings.account_poll_seconds, 60.0, account.look),
        Duty("quota", LOOK_SECONDS, 60.0, quota.look),
        Duty("reputation", settings.reputation_interval_seconds, 60.0, guard.look),
        Duty("retention", RETENTION_SECONDS, 60.0, Retention(engine, settings, metrics).retire),
        Duty("queues", settings.queue_measure_seconds, 60.0, depth.look),
    ]
