"""The process `mailsluice worker`."""

# mypy: allow-untyped-calls
# Celery is not typed.
from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

import structlog
from celery import signals

from config import aws
from config.checks import check_times
from config.failpoints import arm_from_environment, failpoint
from config.health import Progress
from config.logs import configure_logs
from config.monitor import Monitor
from db import accounts, pacing, starts
from db.engine import check, connect
from worker.app import make_app
from worker.metrics import WorkerMetrics
from worker.queues import check_queues, queue_urls
from worker.runtime import Runtime
from worker.ses.account import read_account
from worker.ses.publishing import sets_that_publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery
    from sqlalchemy import Engine
    from types_boto3_sesv2 import SESV2Client

    from config.settings import Settings

log = structlog.get_logger(__name__)

PROCESS = "worker"


def run_worker(settings: Settings, stream_names: Sequence[str]) -> int:
    """Deliver the jobs of these streams until SIGTERM; answers the exit code.

    Raises:
        ConfigurationError, DatabaseError: it cannot start, and why.
    """
    configure_logs(settings, PROCESS)
    arm_from_environment()
    check_times(settings)
    aws.check_credentials(settings)
    engine = connect(settings, application_name=f"mailsluice-{PROCESS}")
    check(engine)
    starts.forget(engine)
    streams = {name: settings.streams[name] for name in stream_names}
    sqs = aws.sqs(settings)
    urls = queue_urls(sqs, streams.values())
    check_queues(sqs, urls)
    ses = aws.ses_control(settings)
    _know_the_rate(settings, engine, ses)
    publishing = sets_that_publish(ses, (each.configuration_set for each in streams.values()))
    progress = Progress()
    monitor = Monitor(settings, PROCESS, progress)
    metrics = WorkerMetrics(monitor.registry, settings.metrics_namespace)
    runtime = Runtime(settings, engine, metrics, progress, publishing_sets=publishing)
    monitor.start()
    runtime.shutdown.watch()
    runtime.gatekeeper.start()
    runtime.suspects.start()
    runtime.prober.start(runtime.stopping)
    runtime.expect_receives(streams)
    log.info("worker starts", streams=sorted(streams), **settings.masked())
    # What stands now stands to the end: looking through it for garbage would hold up every send.
    gc.freeze()
    exit_code = _work(make_app(settings, urls, runtime), runtime)
    monitor.stop()
    runtime.close()
    engine.dispose()
    runtime.shutdown.ended()
    log.info("worker has ended", exit_code=exit_code)
    return exit_code


def _know_the_rate(settings: Settings, engine: Engine, ses: SESV2Client) -> None:
    """Without a scheduler's reading of the account a first worker would wait for one."""
    pacing.ensure(engine, settings.aws_region)
    if accounts.latest(engine, settings.aws_region) is None:
        accounts.save(engine, read_account(ses, settings.aws_region))


def _work(app: Celery, runtime: Runtime) -> int:
    def stop(**_: object) -> None:
        failpoint("in_shutdown")
        runtime.shutdown.ask()

    signals.worker_shutting_down.connect(stop, weak=False)
    worker = app.Worker(
        loglevel=logging.WARNING,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    runtime.stopping.set()
    runtime.suspects.finish()
    return int(worker.exitcode or 0)
