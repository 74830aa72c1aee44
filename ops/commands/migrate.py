"""`mailsluice migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.exc import OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from config.settings import load_settings
from db.engine import connect
from db.migrate import migrate as upgrade
from ops.examples import examples
from ops.output import AsJson, print_json, print_lines

if TYPE_CHECKING:
    from sqlalchemy import Engine

BETWEEN_TRIES_SECONDS = 0.5


@examples(
    "mailsluice migrate",
    "mailsluice migrate --wait-seconds 30",
)
def migrate(
    *,
    wait_seconds: Annotated[
        float, typer.Option(min=0, help="Wait so long for a database that is just starting.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Make the tables, or bring them up to date. Run it with every release, before the processes.

    Safe to run from several places at once, and again.
    """
    engine = connect(load_settings(), application_name="mailsluice-migrate")
    try:
        before, after = _once_it_answers(engine, wait_seconds)
    finally:
        engine.dispose()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        print_lines(f"The tables were up to date: version {after}.")
    else:
        print_lines(f"The tables are now of version {after}; before: {before or 'none'}.")


def _once_it_answers(engine: Engine, wait_seconds: float) -> tuple[str | None, str | None]:
    tries = Retrying(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(wait_seconds),
        wait=wait_fixed(BETWEEN_TRIES_SECONDS),
        reraise=True,
    )
    return tries(upgrade, engine)
