"""The Celery application: one task for each kind of job, over our own transport."""

# mypy: allow-untyped-calls, allow-untyped-decorators
# Celery is not typed.
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from celery import Celery, Task, signals

from config import aws
from mailsluice import DELIVER
from worker.delivery import GiveBack
from worker.jobs import JobRefusedError
from worker.transport import TransportOptions, celery_settings, give_back, received

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings
    from worker.runtime import Runtime

REFUSED_SECONDS = 2


def make_app(settings: Settings, queue_urls: Mapping[str, str], runtime: Runtime) -> Celery:
    """An application that consumes these queues (name to URL) and delivers their jobs."""
    app = Celery("mailsluice", set_as_current=False)
    options = TransportOptions(
        queues=queue_urls,
        known_tasks=frozenset({DELIVER}),
        make_sqs_client=partial(aws.sqs_receiver, settings),
        wait_time_seconds=settings.receive_wait_seconds,
        visibility_timeout_seconds=settings.visibility_timeout_seconds,
        may_receive=runtime.may_receive,
        on_receive=runtime.receive_ended,
        on_receive_error=runtime.receive_failed,
        on_refused=runtime.refuse_envelope,
        screen=runtime.suspects.screen,
        try_apart=runtime.suspects.try_apart,
        on_left=runtime.suspects.left,
    )
    # A thread for every message in hand: none waits for another stream's message to be done.
    threads = settings.concurrency * len(queue_urls)
    app.conf.update(celery_settings(options, concurrency=threads, prefetch_multiplier=1))
    # Our own formatter, which redacts, is on the root logger already.
    app.conf.update(worker_hijack_root_logger=False, worker_redirect_stdouts=False)
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    _add_deliver(app, runtime)
    return app


def _add_deliver(app: Celery, runtime: Runtime) -> None:
    @app.task(name=DELIVER, bind=True)
    def deliver(self: Task, job: object) -> None:
        try:
            disposition = runtime.deliver(job, received(self.request))
        except JobRefusedError:
            # It has been written down: let the queue's redrive have it soon.
            disposition = GiveBack(REFUSED_SECONDS)
        if isinstance(disposition, GiveBack):
            give_back(self.request, disposition.after_seconds)


def _keep_our_logging(**_: object) -> None:
    """Celery sets up its own logging unless somebody is connected here."""
