"""PostgreSQL crashes, restarts, is away for long, and cuts connections."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import psycopg

from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict
    from sandbox.postgres import PostgresServer

RESTART_EVERY_SECONDS = (2.0, 4.0)
CUT_EVERY_SECONDS = 0.3
_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name LIKE 'mailsluice-%'"
)


def database_restarts(trial: Trial, terms: Terms) -> Verdict:
    """A crash or a clean restart every few seconds, under load."""
    server = _server(trial)
    _work(trial, terms)
    dice = random.Random(terms.seed)  # noqa: S311  no secret
    ends_at = time.monotonic() + terms.seconds
    restarts = 0
    while time.monotonic() < ends_at:
        wait(dice.uniform(*RESTART_EVERY_SECONDS))
        server.restart(immediately=dice.random() < 0.5)  # noqa: PLR2004  a coin
        restarts += 1
    broken = trial.flows_again()
    return trial.end("database_restarts", disturbances=restarts, broken=broken)


def database_gone(trial: Trial, terms: Terms) -> Verdict:
    """No database for a long time."""
    server = _server(trial)
    _work(trial, terms)
    server.stop(immediately=True)
    wait(terms.seconds)
    server.start()
    broken = trial.flows_again()
    return trial.end("database_gone", disturbances=1, broken=broken)


def database_cut(trial: Trial, terms: Terms) -> Verdict:
    """Every connection of ours is cut again and again, whatever it is at."""
    _work(trial, terms)
    ends_at = time.monotonic() + terms.seconds
    cut = 0
    # libpq knows nothing of SQLAlchemy's drivers.
    url = trial.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < ends_at:
            cut += len(connection.execute(_CUT).fetchall())
            wait(CUT_EVERY_SECONDS)
    return trial.end("database_cut", disturbances=cut, broken=trial.flows_again())


def _work(trial: Trial, terms: Terms) -> None:
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=2, scheduler=1, events=1)
    trial.enqueue(terms.messages())
    trial.flows_again()


def _server(trial: Trial) -> PostgresServer:
    server = trial.installation.postgres
    if server is None:
        raise ValueError("this scenario needs an installation with a server of its own")
    return server
