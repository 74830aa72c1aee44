"""`mailsluice worker` and `scheduler`: processes that run until they are stopped."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.settings import Settings, load_settings
from ops.examples import examples
from ops.stream_names import known_streams

MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Port of /metrics and /healthz; 0 takes a free one."
    ),
]


@examples(
    "mailsluice worker",
    "mailsluice worker --streams transactional,notifications",
    "mailsluice worker --streams marketing --concurrency 64 --metrics-port 9111",
)
def worker(
    *,
    streams: Annotated[
        str | None, typer.Option(metavar="A,B", help="The streams to serve; all by default.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=512, help="How many messages are sent at a time.")
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Deliver the mail of the streams' queues until stopped (SIGTERM).

    Give bulk streams workers of their own, so that urgent mail never waits behind a campaign.
    """
    settings = settings_with(concurrency=concurrency, metrics_port=metrics_port)
    names = known_streams(settings, streams)
    from worker.main import run_worker  # noqa: PLC0415  Celery and boto3

    raise typer.Exit(run_worker(settings, names))


@examples(
    "mailsluice scheduler",
    "mailsluice scheduler --metrics-port 0",
)
def scheduler(*, metrics_port: MetricsPort = None) -> None:
    """Dispatch parked mail that is due and watch the SES account, until stopped (SIGTERM).

    Any number may run; each duty is done by one of them at a time.
    """
    settings = settings_with(metrics_port=metrics_port)
    from worker.scheduler.main import run_scheduler  # noqa: PLC0415  boto3

    raise typer.Exit(run_scheduler(settings))


def settings_with(**given: Any) -> Settings:  # noqa: ANN401  any setting's type
    """The settings, with the options that were given in their place."""
    return load_settings(**{name: value for name, value in given.items() if value is not None})
