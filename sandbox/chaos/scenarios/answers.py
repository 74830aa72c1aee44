"""SES's answers get lost, in every way that they can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios.terms import wait

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Terms
    from sandbox.chaos.trial import Trial
    from sandbox.chaos.verdict import Verdict

RATE_PER_SECOND = 50.0
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


def lost_answers(trial: Trial, terms: Terms) -> Verdict:
    """A part of the calls is done without an answer, answered with an error, or not done at all.

    SES accepts each message once, and each message costs one call, and one more for each time
    that SES provably did not take it.
    """
    trial.begin(rate=RATE_PER_SECOND)
    trial.keeper.crew(worker=2, scheduler=1, events=1)
    for number, loss in enumerate(LOSSES):
        _lose(trial, loss, seed=terms.seed + number)
    trial.enqueue(terms.messages(RATE_PER_SECOND))
    wait(terms.seconds)
    trial.control.clear_faults()
    trial.settle()
    lost = sum(trial.answers().values()) - trial.answers()["200"]
    return trial.end("lost_answers", disturbances=lost, broken=_too_many_calls(trial))


def _lose(trial: Trial, loss: dict[str, object], *, seed: int) -> None:
    trial.control.fault(
        "ses",
        "SendEmail",
        str(loss["kind"]),
        status=int(str(loss.get("status", 500))),
        code=str(loss.get("code", "InternalFailure")),
        seconds=float(str(loss.get("seconds", 0.0))),
        probability=SHARE_OF_EACH,
        seed=seed,
    )


def _too_many_calls(trial: Trial) -> list[str]:
    answers = trial.answers()
    # A call that was throttled is no lost answer, and goes again.
    calls = sum(answers.values()) - answers["429"]
    due = len(trial.traffic.mailable) + sum(answers[kind] for kind in NOT_TAKEN)
    return [] if calls == due else [f"{calls} calls reached SES where {due} were due: {answers}"]
