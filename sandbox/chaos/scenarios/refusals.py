"""SES refuses everything of an account, a configuration set or a key, until somebody mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import RATE_PER_SECOND, wait
from sandbox.chaos.times import CONCURRENCY
from sandbox.installation import CONFIGURATION_SET

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

WORKERS = 2
# What the workers have in hand when the first refusal comes, and five for the others to learn it.
MOST_REFUSED = WORKERS * CONCURRENCY + 5


def account_paused(trial: Trial, terms: Terms) -> Verdict:
    """Sending is paused for the account, and says so."""

    def pause() -> None:
        trial.control.ses(sending_enabled=False, paused_as="exception")

    return _refused(trial, terms, "account_paused", pause)


def account_paused_disguised(trial: Trial, terms: Terms) -> Verdict:
    """Sending is paused for the account, and SES says so as MessageRejected."""

    def pause() -> None:
        trial.control.ses(sending_enabled=False, paused_as="message_rejected")

    return _refused(trial, terms, "account_paused_disguised", pause)


def configuration_set_paused(trial: Trial, terms: Terms) -> Verdict:
    """Sending is paused for the configuration set of the streams."""

    def pause() -> None:
        trial.control.ses(paused_configuration_sets=[CONFIGURATION_SET])

    return _refused(trial, terms, "configuration_set_paused", pause)


def credentials_refused(trial: Trial, terms: Terms) -> Verdict:
    """The credentials have expired, for every call to SES; later they are renewed."""

    def refuse() -> None:
        trial.control.fault(
            "ses",
            "*",
            "status",
            status=403,
            code="ExpiredTokenException",
            message="The security token included in the request is expired",
        )

    return _refused(trial, terms, "credentials_refused", refuse)


def _refused(trial: Trial, terms: Terms, scenario: str, refuse: Callable[[], None]) -> Verdict:
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=WORKERS, scheduler=1, events=1)
    trial.enqueue(terms.messages())
    trial.flows_again()
    refuse()
    wait(terms.seconds)
    refused = _refusals(trial)
    trial.calm()
    broken = trial.flows_again()
    if refused > MOST_REFUSED:
        broken.append(f"{refused} calls were refused, where {MOST_REFUSED} had to be enough")
    return trial.end(scenario, disturbances=refused, broken=broken)


def _refusals(trial: Trial) -> int:
    answers = trial.answers()
    return sum(answers.values()) - answers["200"] - answers["429"]
