"""A network that is half open: connections stand, and nothing comes through.

Between the workers and SES or PostgreSQL stands a proxy, which goes deaf and later cuts what is
open.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from sandbox.chaos.proxy import Proxy
from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.chaos.scenarios.terms import Environments, Terms
    from sandbox.chaos.trial import Trial


class _Between:
    """Where the proxy stands, and the scenario over it."""

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self._proxy: Proxy | None = None

    @contextmanager
    def proxied(self, trial: Trial) -> Iterator[Environments]:
        """The workers reach what the variable names only through the proxy."""
        target = make_url(trial.installation.environment[self._variable])
        if target.port is None:
            raise ValueError(f"{self._variable} names no port")
        with Proxy(target.port) as self._proxy:
            through = target.set(host="127.0.0.1", port=self._proxy.port)
            url = through.render_as_string(hide_password=False)
            yield {"worker": {self._variable: url}}

    def go_deaf(self, trial: Trial, terms: Terms) -> Disturbed:
        """Nothing comes through for a while."""
        if self._proxy is None:
            raise ValueError("there is no proxy")
        self._proxy.go_deaf()
        wait(terms.seconds)
        self._proxy.hear_again()
        return Disturbed(1, trial.flows_again())


def _scenario(variable: str) -> Scenario:
    between = _Between(variable)
    return Scenario(between.go_deaf, surroundings=between.proxied)


DEAF_SES = _scenario("AWS_ENDPOINT_URL_SESV2")
DEAF_DATABASE = _scenario("DATABASE_URL")
