"""SES's answers get lost, in every way that they can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import Disturbed, Scenario, wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial

SHARE_OF_EACH = 0.04
# Above the read time-out of the workers.
TOO_SLOW_SECONDS = 3.0

LOSSES: tuple[dict[str, object], ...] = (
    {"kind": "lose_answer"},
    {"kind": "error_after", "status": 500},
    {"kind": "error_after", "status": 503, "code": "ServiceUnavailable"},
    {"kind": "cut"},
    {"kind": "hang", "seconds": TOO_SLOW_SECONDS},
    {"kind": "slow", "seconds": TOO_SLOW_SECONDS},
)
# In these SES never took the message: once that is proved it has to be sent again.
NOT_TAKEN = ("cut", "hang")

# Long enough that who sends again without waiting for the events is found out.
EVENTS_LATE_SECONDS = 2.0


def _lose(trial: Trial, terms: Terms) -> Disturbed:
    trial.control.events(delay_seconds=EVENTS_LATE_SECONDS)
    for number, loss in enumerate(LOSSES):
        trial.control.fault(
            "ses",
            "SendEmail",
            str(loss["kind"]),
            status=int(str(loss.get("status", 500))),
            code=str(loss.get("code", "InternalFailure")),
            seconds=float(str(loss.get("seconds", 0.0))),
            probability=SHARE_OF_EACH,
            seed=terms.seed + number,
        )
    wait(terms.seconds)
    answers = trial.answers()
    return Disturbed(sum(answers.values()) - answers["200"] - answers["429"])


def _too_many_calls(trial: Trial) -> list[str]:
    answers = trial.answers_of_all()
    # A call that was throttled is no lost answer, and goes again.
    calls = sum(answers.values()) - answers["429"]
    due = len(trial.traffic.mailable) + sum(answers[kind] for kind in NOT_TAKEN)
    if calls == due:
        return []
    return [f"{calls} calls reached SES where {due} were due: {dict(answers)}"]


LOST_ANSWERS = Scenario(_lose, check=_too_many_calls)
