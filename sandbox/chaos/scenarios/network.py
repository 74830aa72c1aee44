"""A network that is half open: connections stand, and nothing comes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url

from sandbox.chaos.proxy import Proxy
from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict


def deaf_ses(trial: Trial, terms: Terms) -> Verdict:
    """The network between the workers and SES goes deaf, and later cuts what is open."""
    target = make_url(trial.installation.endpoint_url)
    with Proxy(_port(target.port)) as proxy:
        environment = {"AWS_ENDPOINT_URL_SESV2": f"http://127.0.0.1:{proxy.port}"}
        return _deaf(trial, terms, "deaf_ses", proxy, environment)


def deaf_database(trial: Trial, terms: Terms) -> Verdict:
    """The network between the workers and PostgreSQL goes deaf, and later cuts what is open."""
    target = make_url(trial.installation.environment["DATABASE_URL"])
    with Proxy(_port(target.port)) as proxy:
        through = target.set(host="127.0.0.1", port=proxy.port)
        environment = {"DATABASE_URL": through.render_as_string(hide_password=False)}
        return _deaf(trial, terms, "deaf_database", proxy, environment)


def _deaf(
    trial: Trial, terms: Terms, scenario: str, proxy: Proxy, environment: dict[str, str]
) -> Verdict:
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew({"worker": environment}, worker=2, scheduler=1, events=1)
    trial.enqueue(terms.messages())
    trial.flows_again()
    proxy.go_deaf()
    wait(terms.seconds)
    proxy.hear_again()
    broken = trial.flows_again()
    verdict = trial.end(scenario, disturbances=1, broken=broken)
    # The proxy ends with this scenario, and so must those who talk through it.
    trial.keeper.crew(worker=0, scheduler=1, events=1)
    return verdict


def _port(port: int | None) -> int:
    if port is None:
        raise ValueError("a server of the installation without a port")
    return port
