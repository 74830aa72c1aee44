"""`mailsluice events`: the process, and what it could not use."""

from __future__ import annotations

import typer

from ops.commands.processes import MetricsPort, settings_with
from ops.commands.quarantine import app as quarantine
from ops.examples import examples

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
@examples(
    "mailsluice events",
    "mailsluice events --metrics-port 9113",
    "mailsluice events quarantine list",
)
def events(context: typer.Context, *, metrics_port: MetricsPort = None) -> None:
    """Drain SES's events from their queues into the database, until stopped (SIGTERM)."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_with(metrics_port=metrics_port)
    from consumers.main import run_events  # noqa: PLC0415  boto3

    raise typer.Exit(run_events(settings))


app.add_typer(quarantine, name="quarantine")
