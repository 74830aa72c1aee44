"""The process `mailsluice events`: drains SES's events from SQS into the database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from config.checks import check_times
from config.failpoints import arm_from_environment
from config.health import Progress
from config.logs import configure_logs
from config.monitor import Monitor
from config.process import Shutdown
from consumers.metrics import Metrics
from consumers.polling import LONGEST_POLL_SECONDS, Poller, Tools
from consumers.queues import find_queue
from db import engine as database

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.settings import Settings
    from consumers.queues import EventQueue

PROCESS = "events"

# Longer than the longest honest round: a hanging call, then waits for a database that is away.
SILENCE_MARGIN = 3

log = structlog.get_logger(__name__)


def run_events(settings: Settings, *, pollers: int = 1) -> int:
    """Drain the event queue until SIGTERM or SIGINT; answers the exit code.

    The batch in hand is finished first; a long poll is not waited for.

    Raises:
        ConfigurationError: a setting is missing or wrong, there is no such queue, or SQS cannot
            be asked.
        DatabaseError: the database does not answer or is not migrated.
    """
    configure_logs(settings, PROCESS)
    arm_from_environment()
    check_times(settings)
    engine = database.connect(settings, application_name=f"mailsluice-{PROCESS}")
    try:
        database.check(engine)
        _run(settings, find_queue(settings), engine, pollers)
    finally:
        engine.dispose()
    return 0


def _run(settings: Settings, queue: EventQueue, engine: Engine, pollers: int) -> None:
    progress = Progress()
    monitor = Monitor(settings, PROCESS, progress)
    metrics = Metrics(monitor.registry, settings.metrics_namespace)
    shutdown = Shutdown(settings.shutdown_seconds)
    shutdown.on_signals()
    monitor.start()
    log.info("events process starts", queue=queue.name, **settings.masked())
    _drain(
        Tools(
            queue,
            engine,
            metrics,
            progress,
            shutdown.stopping,
            lag_seconds=settings.sqs_counts_lag_seconds,
            policy=settings.suppression_policy,
        ),
        settings,
        pollers,
    )
    queue.close()
    monitor.stop()
    shutdown.ended()
    log.info("events process ends")


def _drain(tools: Tools, settings: Settings, pollers: int) -> None:
    team = [
        Poller(
            f"poller-{number}",
            tools,
            wait_seconds=min(settings.receive_wait_seconds, LONGEST_POLL_SECONDS),
        )
        for number in range(1, pollers + 1)
    ]
    for poller in team:
        tools.progress.expect(poller.name, within_seconds=longest_silence_seconds(settings))
        poller.start()
    tools.stopping.wait()
    stopped_at = time.monotonic()
    log.info("stopping: the batches in hand are finished first")
    for poller in team:
        if not poller.finish(stopped_at):
            log.info("poller left behind in a call", poller=poller.name)


def longest_silence_seconds(settings: Settings) -> float:
    """How long a poller may go without a sign of life and still be well."""
    waits = settings.sqs_read_timeout_seconds + settings.database_statement_timeout_seconds
    return SILENCE_MARGIN * waits
