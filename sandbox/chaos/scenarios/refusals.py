"""SES refuses everything of an account, a configuration set or a key, until somebody mends it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait
from sandbox.chaos.times import CONCURRENCY
from sandbox.installation import CONFIGURATION_SET

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

WORKERS = 2
# What the workers have in hand when the first refusal comes, and five for the others to learn it.
MOST_REFUSED = WORKERS * CONCURRENCY + 5


def _pause_account(trial: Trial, answer: str) -> None:
    trial.control.ses(sending_enabled=False, paused_as=answer)


def _pause_configuration_set(trial: Trial) -> None:
    trial.control.ses(paused_configuration_sets=[CONFIGURATION_SET])


def _expire_credentials(trial: Trial) -> None:
    trial.control.fault(
        "ses",
        "*",
        "status",
        status=403,
        code="ExpiredTokenException",
        message="The security token included in the request is expired",
    )


def _refuse(trial: Trial, terms: Terms, begin: Callable[[Trial], None]) -> Disturbed:
    before = _refusals(trial)
    begin(trial)
    wait(terms.seconds)
    refused = _refusals(trial) - before
    trial.calm()
    broken = trial.flows_again()
    if refused > MOST_REFUSED:
        broken.append(f"{refused} calls were refused, where {MOST_REFUSED} had to be enough")
    return Disturbed(refused, broken)


def _refusals(trial: Trial) -> int:
    answers = trial.answers()
    return sum(answers.values()) - answers["200"] - answers["429"]


def _scenario(begin: Callable[[Trial], None]) -> Scenario:
    return Scenario(
        partial(_refuse, begin=begin), crew={"worker": WORKERS, "scheduler": 1, "events": 1}
    )


ACCOUNT_PAUSED = _scenario(partial(_pause_account, answer="exception"))
ACCOUNT_PAUSED_DISGUISED = _scenario(partial(_pause_account, answer="message_rejected"))
CONFIGURATION_SET_PAUSED = _scenario(_pause_configuration_set)
CREDENTIALS_REFUSED = _scenario(_expire_credentials)
