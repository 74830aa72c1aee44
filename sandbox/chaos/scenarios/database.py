"""PostgreSQL crashes, restarts, is away for long, and cuts connections."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import psycopg

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.postgres import PostgresServer

RESTART_EVERY_SECONDS = (2.0, 4.0)
CUT_EVERY_SECONDS = 0.3
_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name LIKE 'mailsluice-%'"
)


def _restart(trial: Trial, terms: Terms) -> Disturbed:
    server = _server(trial)
    dice = random.Random(terms.seed)  # noqa: S311  no secret
    ends_at = time.monotonic() + terms.seconds
    restarts = 0
    while time.monotonic() < ends_at:
        wait(dice.uniform(*RESTART_EVERY_SECONDS))
        server.restart(immediately=dice.random() < 0.5)  # noqa: PLR2004  a coin
        restarts += 1
    return Disturbed(restarts, trial.flows_again())


def _be_gone(trial: Trial, terms: Terms) -> Disturbed:
    server = _server(trial)
    server.stop(immediately=True)
    wait(terms.seconds)
    server.start()
    return Disturbed(1, trial.flows_again())


def _cut(trial: Trial, terms: Terms) -> Disturbed:
    ends_at = time.monotonic() + terms.seconds
    cut = 0
    # libpq knows nothing of SQLAlchemy's drivers.
    url = trial.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < ends_at:
            cut += len(connection.execute(_CUT).fetchall())
            wait(CUT_EVERY_SECONDS)
    return Disturbed(cut, trial.flows_again())


def _server(trial: Trial) -> PostgresServer:
    server = trial.installation.postgres
    if server is None:
        raise ValueError("this scenario needs an installation with a server of its own")
    return server


DATABASE_RESTARTS = Scenario(_restart)
DATABASE_GONE = Scenario(_be_gone)
DATABASE_CUT = Scenario(_cut)
