"""Only a child's own death condemns; whatever takes the judge along does not."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from worker.patience import Patience
from worker.stopping import StoppingError
from worker.suspects import NO_TRIAL_RETRY_SECONDS, REASON, TRIALS_AT_MOST, Suspects
from worker.trials import DiedError, NoTrialError, Trials

if TYPE_CHECKING:
    from sqlalchemy import Engine


class FakeTrials:
    """Answers, or raises, as told, in this order; the last one again and again."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)

    def ask(self, queue: str, message: dict[str, Any]) -> float | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Court:
    def __init__(self, engine: Engine, trials: Any) -> None:
        self.stopping = threading.Event()
        self.refused: list[str] = []
        self.suspects = Suspects(
            engine,
            Patience(self.stopping, lambda: None),
            trials,
            self.stopping,
            refuse=lambda _queue, sqs_id, _reason, _body: self.refused.append(sqs_id),
        )
        self.receive_count = 1

    def shown(self) -> dict[str, Any]:
        self.receive_count += 1
        attributes = {"ApproximateReceiveCount": str(self.receive_count)}
        return {"MessageId": "m", "Body": "{}", "Attributes": attributes}

    def try_it(self) -> float | None:
        message = self.shown()
        self.suspects.screen("q", [message])
        return self.suspects.try_apart("q", message)


def test_a_message_that_kills_every_child_is_refused_and_never_started_again(
    engine: Engine,
) -> None:
    court = Court(engine, FakeTrials(DiedError(None)))
    court.try_it()
    assert court.refused == ["m"]
    assert court.suspects.screen("q", [court.shown()]).condemned == {"m": REASON}


def test_a_child_that_somebody_kills_condemns_nobody(engine: Engine) -> None:
    court = Court(engine, FakeTrials(DiedError(None), DiedError(None), None))
    assert court.try_it() is None
    assert court.refused == []


def test_one_that_took_its_claims_along_is_condemned_by_one_childs_death(engine: Engine) -> None:
    message_id = uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_messages (id, stream, state, lost_claims)"
                " VALUES (:id, 's', 'sending', 3)"
            ),
            {"id": message_id},
        )
    court = Court(engine, FakeTrials(DiedError(message_id), None))
    court.try_it()
    assert court.refused == ["m"]


def test_a_healthy_suspect_is_cleared(engine: Engine) -> None:
    court = Court(engine, FakeTrials(None))
    assert court.try_it() is None
    court.suspects.left("q", ["m"])
    court.suspects.flush()
    assert court.suspects.screen("q", [court.shown()]).apart == frozenset()
    assert court.refused == []


def test_a_child_that_ends_with_its_worker_condemns_nobody(engine: Engine) -> None:
    court = Court(engine, FakeTrials(DiedError(None)))
    message = court.shown()
    court.suspects.screen("q", [message])
    court.stopping.set()
    with pytest.raises(StoppingError):
        court.suspects.try_apart("q", message)
    assert court.refused == []


def test_no_trial_is_no_verdict_and_the_suspicion_stays(engine: Engine) -> None:
    court = Court(engine, FakeTrials(NoTrialError("no child")))
    for _ in range(2):
        court.suspects.screen("q", [court.shown()])
    assert court.try_it() == NO_TRIAL_RETRY_SECONDS
    court.suspects.left("q", ["m"])
    court.suspects.flush()
    assert court.suspects.screen("q", [court.shown()]).apart == {"m"}
    assert court.refused == []


def test_one_that_takes_its_worker_along_is_condemned_by_the_count_of_its_trials(
    engine: Engine,
) -> None:
    class DiesWithUs(Exception):  # noqa: N818  not an error: this process is gone
        pass

    court = Court(engine, FakeTrials(DiesWithUs()))
    for _ in range(TRIALS_AT_MOST):
        with pytest.raises(DiesWithUs):
            court.try_it()
    assert court.refused == []
    court.try_it()
    assert court.refused == ["m"]


def test_a_real_child_that_is_killed_with_nothing_in_hand_is_replaced(
    monkeypatch: pytest.MonkeyPatch, database_url: str, engine: Engine
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    trials = Trials([], threading.Event())
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": "\x00", "Attributes": {}}
    assert trials.ask("q", message) is not None
    assert trials._child is not None
    child = trials._child._process
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert trials.ask("q", message) is not None
    trials.close()
    with engine.begin() as connection:
        row = connection.execute(text("SELECT times_seen, body FROM refused_messages")).one()
    assert row == (2, "\ufffd")
