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
from consumers.draining import Drainage, Tools
from consumers.metrics import Metrics
from consumers.queues import find_queues
from db import engine as database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from config.settings import Settings
    from consumers.queues import EventQueue

PROCESS = "events"

log = structlog.get_logger(__name__)


def run_events(settings: Settings) -> int:
    """Drain the event queues until SIGTERM or SIGINT; answers the exit code.

    What is in hand is finished first; a long poll is not waited for.

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
        _run(settings, find_queues(settings), engine)
    finally:
        engine.dispose()
    return 0


def _run(settings: Settings, queues: Sequence[EventQueue], engine: Engine) -> None:
    progress = Progress()
    monitor = Monitor(settings, PROCESS, progress)
    metrics = Metrics(monitor.registry, settings.metrics_namespace)
    shutdown = Shutdown(settings.shutdown_seconds)
    shutdown.on_signals()
    drainage = Drainage(queues, Tools(settings, engine, metrics, progress, shutdown.stopping))
    monitor.start()
    names = [queue.name for queue in queues]
    log.info("events process starts", queues=names, **settings.masked())
    drainage.start()
    shutdown.stopping.wait()
    stopped_at = time.monotonic()
    log.info("stopping: what is in hand is finished first")
    drainage.finish(stopped_at)
    for queue in queues:
        queue.close()
    monitor.stop()
    shutdown.ended()
    log.info("events process ends")
