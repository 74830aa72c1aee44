"""What a worker does between the claim and the record: nothing that could cost a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.health import Progress
from config.settings import load_settings
from db import accounts, pacing
from db.accounts import AccountReading
from db.ledger import Why
from mailsluice import Message
from worker import delivery as module
from worker.delivery import Delivery, Done
from worker.jobs import Job, understand
from worker.metrics import WorkerMetrics
from worker.runtime import Runtime
from worker.ses.outcomes import Halt, Outcome, Retry, Scope, Sent, Throttled
from worker.ses.sender import Ready
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings
    from worker.pacer import Slot

REGION = "eu-west-1"
READING = AccountReading(REGION, 500.0, -1.0, 0.0, True, True, "HEALTHY")  # noqa: FBT003
WHY = Why("ACode", "a reason")
SENT = Sent("ses-1")


class Ses:
    """Answers what it was told to, and says so on the list of what happened."""

    def __init__(self, happened: list[str], *answers: Outcome) -> None:
        self._happened = happened
        self._answers = list(answers)

    def prepare(self, request: dict[str, Any]) -> Ready:
        return Loaded(self)

    def post(self, not_after: float) -> Outcome | None:
        if module.time.monotonic() > not_after:
            return None
        self._happened.append("post")
        return self._answers.pop(0)


class Loaded(Ready):
    """A request to that SES which has only to leave."""

    def __init__(self, ses: Ses) -> None:
        self._ses = ses

    def send(self, *, not_after: float) -> Outcome | None:
        return self._ses.post(not_after)

    def drop(self) -> None:
        """There is no connection to keep."""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return load_settings(database_url=database_url, email_from="me@example.com")


@pytest.fixture
def whole(engine: Engine, settings: Settings) -> Iterator[Delivery]:
    """A worker's delivery, as its process puts it together."""
    pacing.ensure(engine, REGION)
    accounts.save(engine, READING)
    runtime = Runtime(settings, engine, WorkerMetrics(CollectorRegistry(), "test"), Progress())
    yield runtime._delivery
    runtime.close()


@pytest.fixture
def job(settings: Settings) -> Job:
    message = Message(to="ada@example.com", subject="Hello", text="Hi")
    return understand(message.to_wire(), settings.streams, sent_at_epoch_seconds=1_700_000_000.0)


def answering(whole: Delivery, *answers: Outcome) -> Delivery:
    return replace(whole, sender=Ses([], *answers))  # type: ignore[arg-type]  # a stand-in


def ledger(engine: Engine) -> tuple[str, int, int]:
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM email_messages")).one()
    return row.state, row.attempt, row.attempts_used


def test_a_post_waits_for_its_slot(
    whole: Delivery, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    pacer = whole.pacers[job.stream.name]

    def slot_comes(_: Slot) -> bool:
        happened.append("slot")
        return True

    monkeypatch.setattr(pacer, "wait_for", slot_comes)
    sending = replace(whole, sender=Ses(happened, SENT))  # type: ignore[arg-type]  # a stand-in
    assert sending.deliver(job) == Done()
    assert happened == ["slot", "post"]


def test_a_lease_that_a_call_to_ses_could_outlive_is_given_back_and_taken_anew(
    whole: Delivery, job: Job, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, late = module.time.monotonic, [0.0]

    def stalled_once(_: Slot) -> bool:
        late[0] = whole.settings.lease_seconds - 1
        return True

    monkeypatch.setattr(module.time, "monotonic", lambda: now() + late[0])
    monkeypatch.setattr(whole.pacers[job.stream.name], "wait_for", stalled_once)
    answering(whole, SENT).deliver(job)
    state, attempt, _ = ledger(engine)
    assert (state, attempt) == ("sent", 2)


def test_behind_a_shut_gate_no_token_is_taken(
    whole: Delivery, job: Job, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise StoppingError

    monkeypatch.setattr(type(whole.gatekeeper), "is_open", lambda *_: False)
    monkeypatch.setattr(whole.pacers[job.stream.name], "reserve", asked)
    assert answering(whole).deliver(job) == Done()
    assert ledger(engine)[0] == "parked"


def test_a_process_that_is_always_late_sends_all_the_same(
    whole: Delivery, job: Job, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bool] = []

    def late(_: Slot, *, however_late: bool = False) -> bool:
        waited.append(however_late)
        return however_late

    monkeypatch.setattr(whole.pacers[job.stream.name], "wait_for", late)
    assert answering(whole, SENT).deliver(job) == Done()
    assert (ledger(engine), waited) == (("sent", 1, 0), [False, False, False, True])


def test_mail_that_grows_too_late_while_it_waits_is_not_posted(
    whole: Delivery, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=20)
    message = Message(to="ada@example.com", subject="Hello", text="Hi", expires_at=soon)
    job = understand(message.to_wire(), settings.streams, sent_at_epoch_seconds=1_700_000_000.0)
    now, late = module.time.monotonic, [0.0]

    def stalled_once(_: Slot) -> bool:
        late[0] = 21.0
        return True

    monkeypatch.setattr(module.time, "monotonic", lambda: now() + late[0])
    monkeypatch.setattr(whole.pacers[job.stream.name], "wait_for", stalled_once)
    happened: list[str] = []
    replace(whole, sender=Ses(happened, SENT)).deliver(job)  # type: ignore[arg-type]  # a stand-in
    # It was claimed anew, and by the database's clock there was time still.
    assert (happened, ledger(engine)[1]) == (["post"], 2)


def test_a_process_that_stops_before_the_post_gives_its_claim_back(
    whole: Delivery, job: Job, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Slot) -> None:
        raise StoppingError

    monkeypatch.setattr(whole.pacers[job.stream.name], "wait_for", stop)
    with pytest.raises(StoppingError):
        answering(whole).deliver(job)
    assert ledger(engine)[0] == "queued"


def test_a_throttle_slows_every_process_of_the_account(
    whole: Delivery, job: Job, engine: Engine
) -> None:
    answering(whole, Throttled("rate", WHY), SENT).deliver(job)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT rate_factor FROM pacers")) < 1


@pytest.mark.parametrize(
    ("answer", "used"),
    [
        (Halt("unreachable", WHY, Scope.HOST), 0),
        (Halt("template", WHY, Scope.MESSAGE), 0),
        (Retry("refused", WHY), 1),
    ],
)
def test_only_what_is_about_the_message_uses_one_of_its_attempts(
    whole: Delivery, job: Job, engine: Engine, answer: Outcome, used: int
) -> None:
    answering(whole, answer).deliver(job)
    assert ledger(engine) == ("parked", 1, used)


@pytest.mark.parametrize("is_heard", [True, False])
def test_only_a_set_whose_events_we_hear_makes_a_message_provable(
    whole: Delivery, job: Job, engine: Engine, *, is_heard: bool
) -> None:
    named = replace(job, stream=job.stream.model_copy(update={"configuration_set": "ours"}))
    heard = frozenset({"ours"} if is_heard else {"others"})
    replace(answering(whole, SENT), publishing_sets=heard).deliver(named)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT provable FROM email_messages")) is is_heard
