"""Parked mail goes back to SQS, whatever one message or one queue does. Real PostgreSQL, HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config import aws
from config.health import Progress
from config.settings import load_settings
from db import accounts, pacing
from db.accounts import AccountReading
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, Why, park
from db.messages import status
from mailsluice import Message, decode
from sandbox.aws.server import SimulatorThread
from worker.delivery import Done
from worker.metrics import WorkerMetrics
from worker.runtime import Runtime
from worker.scheduler import dispatch
from worker.scheduler.dispatch import Dispatcher
from worker.scheduler.metrics import SchedulerMetrics
from worker.transport import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from sandbox.aws.control import Control

REGION = "eu-west-1"
STREAMS = ("marketing", "transactional")
MARKETING, TRANSACTIONAL = "mailsluice-marketing", "mailsluice-transactional"
# An escaped Cyrillic letter is three times as large as a raw one.
CYRILLIC_500_KB = "ж" * 250_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def control(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", simulator.endpoint_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    return simulator.control


@pytest.fixture
def sqs(control: Control) -> Iterator[Any]:
    client = aws.sqs_receiver(load_settings(sqs_read_timeout_seconds=1))
    yield client
    client.close()


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def make_dispatcher(
    engine: Engine, sqs: Any, stopping: threading.Event, registry: CollectorRegistry
) -> Callable[[], Dispatcher]:
    names = {stream: f"mailsluice-{stream}" for stream in STREAMS}
    urls = {stream: sqs.create_queue(QueueName=name)["QueueUrl"] for stream, name in names.items()}
    queues = {stream: (names[stream], urls[stream]) for stream in STREAMS}
    metrics = SchedulerMetrics(registry, "test")
    return lambda: Dispatcher(engine, sqs, queues, metrics, stopping)


@pytest.fixture
def dispatcher(make_dispatcher: Callable[[], Dispatcher]) -> Dispatcher:
    return make_dispatcher()


def parked(engine: Engine, **fields: Any) -> UUID:
    """A message that waited, and is due now; the earlier parked, the earlier due."""
    return parked_job(engine, job(**fields))


def job(**fields: Any) -> dict[str, Any]:
    basic = {"stream": "transactional", "to": "ada@example.com", "subject": "Hello", "text": "Hi"}
    return Message(**(basic | fields)).to_wire()


def parked_job(engine: Engine, payload: dict[str, Any]) -> UUID:
    candidate = Candidate(
        id=UUID(payload["id"]),
        stream=payload["stream"],
        recipients=["ada@example.com"],
        payload=payload,
    )
    won = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    why = Why("ACode", "a reason")
    held = Held(candidate.id, won.attempt)
    park(engine, held, why, payload=payload, after_seconds=0.0, uses_attempt=False)
    return candidate.id


def state(engine: Engine, message_id: UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def due_in_seconds(engine: Engine, message_id: UUID) -> float:
    seconds = text("SELECT extract(epoch FROM due_at - now()) FROM email_messages WHERE id = :id")
    with engine.connect() as connection:
        return float(connection.scalar(seconds, {"id": message_id}))


def lying_on(control: Control, queue: str) -> list[UUID]:
    return [UUID(decode(each["body"]).id) for each in control.queue(queue)["messages"]]


def dispatch_all(dispatcher: Dispatcher) -> None:
    while dispatcher.dispatch_due():
        pass


def test_a_parked_message_goes_to_sqs_and_is_sent(
    engine: Engine, database_url: str, control: Control, dispatcher: Dispatcher
) -> None:
    message_id = parked(engine)
    dispatcher.dispatch_due()
    [lying] = control.queue(TRANSACTIONAL)["messages"]
    worker = a_worker(engine, database_url)
    received = Received(TRANSACTIONAL, lying["message_id"], 1, 1_700_000_000.0)
    assert worker.deliver(decode(lying["body"]).job, received) == Done()
    worker.close()
    assert len(control.sends()) == 1
    assert state(engine, message_id) == "sent"


def a_worker(engine: Engine, database_url: str) -> Runtime:
    settings = load_settings(database_url=database_url, email_from="me@example.com")
    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="example.com")
    pacing.ensure(engine, REGION)
    accounts.save(engine, AccountReading(REGION, 500.0, -1.0, 0.0, True, True, "HEALTHY"))  # noqa: FBT003
    made = Runtime(settings, engine, WorkerMetrics(CollectorRegistry(), "test"), Progress())
    made.gatekeeper.look()
    return made


def test_each_stream_has_its_own_queue_and_its_count(
    engine: Engine, control: Control, dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    one, other = parked(engine), parked(engine, stream="marketing")
    dispatcher.dispatch_due()
    assert lying_on(control, TRANSACTIONAL) == [one]
    assert lying_on(control, MARKETING) == [other]
    sent = registry.get_sample_value("test_email_dispatched_total", {"stream": "marketing"})
    assert sent == 1.0


def test_the_tenant_becomes_the_fair_queue_group(
    engine: Engine, sqs: Any, dispatcher: Dispatcher
) -> None:
    with_tenant, without = parked(engine, tenant="acme"), parked(engine)
    dispatcher.dispatch_due()
    received = sqs.receive_message(
        QueueUrl=sqs.get_queue_url(QueueName=TRANSACTIONAL)["QueueUrl"],
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["MessageGroupId"],
    )["Messages"]
    groups = {
        UUID(decode(each["Body"]).id): each.get("Attributes", {}).get("MessageGroupId")
        for each in received
    }
    assert groups == {with_tenant: "acme", without: None}


def test_a_job_too_large_when_escaped_goes_as_it_came_and_holds_nobody_up(
    engine: Engine, control: Control, dispatcher: Dispatcher
) -> None:
    large = parked(engine, text=CYRILLIC_500_KB)
    others = [parked(engine), parked(engine, stream="marketing")]
    dispatch_all(dispatcher)
    assert set(lying_on(control, TRANSACTIONAL)) == {large, others[0]}
    assert lying_on(control, MARKETING) == [others[1]]
    bodies = [decode(each["body"]) for each in control.queue(TRANSACTIONAL)["messages"]]
    [opened] = [each for each in bodies if each.id == str(large)]
    assert opened.job["text"] == CYRILLIC_500_KB


def test_large_jobs_are_counted_in_bytes_where_batches_are_made(
    engine: Engine, control: Control, dispatcher: Dispatcher
) -> None:
    ids = {parked(engine, text=CYRILLIC_500_KB) for _ in range(3)}
    dispatch_all(dispatcher)
    assert set(lying_on(control, TRANSACTIONAL)) == ids
    assert control.calls()["sqs.SendMessageBatch"] == {"200": 2}


def test_a_job_that_no_queue_can_take_ends_as_failed_and_says_why(
    engine: Engine, control: Control, dispatcher: Dispatcher, registry: CollectorRegistry
) -> None:
    too_large = parked(engine, text="x" * 1_100_000)
    other = parked(engine)
    dispatch_all(dispatcher)
    found = status(engine, too_large)
    assert found is not None
    assert (found.state, found.outcome_code) == ("failed", "TooLarge")
    assert "1,048,576 bytes" in str(found.outcome_reason)
    assert lying_on(control, TRANSACTIONAL) == [other]
    counted = registry.get_sample_value(
        "test_email_undispatchable_total", {"stream": "transactional", "reason": "TooLarge"}
    )
    assert counted == 1.0


def test_a_deleted_queue_keeps_only_its_own_stream_waiting(
    engine: Engine, control: Control, sqs: Any, dispatcher: Dispatcher
) -> None:
    url = sqs.get_queue_url(QueueName=MARKETING)["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    stuck = [parked(engine, stream="marketing") for _ in range(30)]
    other = parked(engine)
    dispatch_all(dispatcher)
    assert lying_on(control, TRANSACTIONAL) == [other]
    assert {state(engine, each) for each in stuck} == {"parked"}
    assert control.calls()["sqs.SendMessageBatch"] == {"200": 1, "400": 1}


def test_a_broken_queue_with_more_due_than_fits_a_turn_does_not_crowd_out_the_others(
    engine: Engine,
    control: Control,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "DUE_AT_ONCE", 5)
    for _ in range(11):
        parked(engine, stream="marketing")
    other = parked(engine)
    control.fault("sqs", "SendMessageBatch", "status", queue=MARKETING)
    dispatch_all(dispatcher)
    assert lying_on(control, TRANSACTIONAL) == [other]


FAULTS = {
    "an answer of 500": {"kind": "status"},
    "throttling": {"kind": "status", "status": 400, "code": "RequestThrottled"},
    "no permission": {"kind": "status", "status": 403, "code": "AccessDeniedException"},
    "a cut connection": {"kind": "cut"},
    "a call that hangs": {"kind": "hang"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_after_an_outage_of_sqs_what_was_due_goes_at_once(
    engine: Engine,
    control: Control,
    make_dispatcher: Callable[[], Dispatcher],
    *,
    fault: dict[str, Any],
) -> None:
    message_id = parked(engine)
    first = make_dispatcher()
    control.fault("sqs", "SendMessageBatch", times=1, **fault)
    dispatch_all(first)
    assert state(engine, message_id) == "parked"
    assert due_in_seconds(engine, message_id) <= 0
    control.clear_faults()
    # Another scheduler, which does not know that the queue had trouble a moment ago.
    dispatch_all(make_dispatcher())
    assert lying_on(control, TRANSACTIONAL) == [message_id]


def test_a_queue_that_had_trouble_is_tried_again_after_a_rest(
    engine: Engine, control: Control, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "REST_SECONDS", 0.0)
    message_id = parked(engine)
    control.fault("sqs", "SendMessageBatch", "status", times=1)
    dispatch_all(dispatcher)
    assert lying_on(control, TRANSACTIONAL) == [message_id]


def test_an_entry_that_sqs_refuses_waits_a_while_and_the_others_go(
    engine: Engine, control: Control, dispatcher: Dispatcher
) -> None:
    # SQS takes no space in a group's name, and says so of this entry alone.
    refused = parked_job(engine, job() | {"tenant": "not a group"})
    others = {parked(engine) for _ in range(3)}
    dispatch_all(dispatcher)
    assert set(lying_on(control, TRANSACTIONAL)) == others
    assert state(engine, refused) == "parked"
    assert due_in_seconds(engine, refused) > 10


def test_a_message_that_makes_sqs_refuse_a_whole_call_is_found_and_the_others_go(
    engine: Engine, control: Control, dispatcher: Dispatcher
) -> None:
    # boto3 itself refuses the whole call for this one.
    poison = parked_job(engine, job() | {"tenant": 7})
    others = {parked(engine) for _ in range(3)}
    dispatch_all(dispatcher)
    assert set(lying_on(control, TRANSACTIONAL)) == others
    assert state(engine, poison) == "parked"
    assert due_in_seconds(engine, poison) > 10


def test_a_lost_answer_loses_nothing(
    engine: Engine, control: Control, make_dispatcher: Callable[[], Dispatcher]
) -> None:
    message_id = parked(engine)
    control.fault("sqs", "SendMessageBatch", "lose_answer", times=1)
    dispatch_all(make_dispatcher())
    dispatch_all(make_dispatcher())
    assert set(lying_on(control, TRANSACTIONAL)) == {message_id}
    assert state(engine, message_id) == "queued"


def test_a_turn_ends_after_so_many_messages_and_says_that_there_are_more(
    engine: Engine, control: Control, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "DUE_AT_ONCE", 2)
    for _ in range(3):
        parked(engine)
    assert dispatcher.dispatch_due()
    assert len(lying_on(control, TRANSACTIONAL)) == 2
    assert not dispatcher.dispatch_due()
    assert len(lying_on(control, TRANSACTIONAL)) == 3


def test_a_turn_that_takes_long_ends_and_gives_back_what_it_has_not_sent(
    engine: Engine, control: Control, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "TURN_SECONDS", 0.0)
    ids = [parked(engine) for _ in range(11)]
    assert dispatcher.dispatch_due()
    assert len(lying_on(control, TRANSACTIONAL)) == 10
    assert sorted(state(engine, each) for each in ids) == ["parked"] + ["queued"] * 10


def test_a_scheduler_that_stops_gives_back_what_it_has_taken(
    engine: Engine,
    control: Control,
    sqs: Any,
    dispatcher: Dispatcher,
    stopping: threading.Event,
) -> None:
    ids = [parked(engine) for _ in range(25)]
    # The word comes while the first batch is on its way.
    sqs.meta.events.register("before-call.sqs.SendMessageBatch", lambda **_: stopping.set())
    dispatcher.dispatch_due()
    assert len(lying_on(control, TRANSACTIONAL)) == 10
    waiting = [each for each in ids if state(engine, each) == "parked"]
    assert len(waiting) == 15
    assert all(due_in_seconds(engine, each) <= 0 for each in waiting)


def test_no_log_line_quotes_a_message(
    engine: Engine,
    control: Control,
    dispatcher: Dispatcher,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parked_job(engine, job(subject="Secret") | {"tenant": "ada@example.com secret"})
    control.fault("sqs", "SendMessageBatch", "status", message="ada@example.com", times=1)
    parked(engine, text="Secret" * 200_000)
    dispatch_all(dispatcher)
    logged = capsys.readouterr().out
    assert "InternalFailure" in logged
    assert "TooLarge" in logged
    assert "ada@" not in logged
    assert "ecret" not in logged


def test_without_anything_due_nothing_is_asked_of_sqs(
    control: Control, dispatcher: Dispatcher
) -> None:
    assert not dispatcher.dispatch_due()
    assert "sqs.SendMessageBatch" not in control.calls()
    assert lying_on(control, TRANSACTIONAL) == []
