"""What becomes of one message, by what SES answers. Real PostgreSQL, SES over HTTP."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.health import Progress
from config.settings import load_settings
from config.tags import MESSAGE_ID_TAG
from db import accounts, gates, ledger, pacing, suppressions, unknowns
from db.accounts import AccountReading
from db.claims import Candidate, Claimed, claim
from db.ledger import Why
from db.messages import MessageStatus, status
from db.suppressions import Suppression
from mailsluice import Attachment, Message
from sandbox.aws.control import Control
from sandbox.aws.server import SimulatorThread
from worker.delivery import Done, GiveBack
from worker.jobs import JobRefusedError
from worker.metrics import WorkerMetrics
from worker.runtime import Runtime
from worker.transport import Received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.aws.truth import Send

REGION = "eu-west-1"
READING = AccountReading(REGION, 500.0, -1.0, 0.0, True, True, "HEALTHY")  # noqa: FBT003


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def aws(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    """A simulated SES with one verified domain and a fast account."""
    control = Control(simulator.endpoint_url)
    control.reset()
    control.ses(max_send_rate=500.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    client = boto3.client("sesv2", region_name=REGION, endpoint_url=simulator.endpoint_url)
    client.create_email_identity(EmailIdentity="example.com")
    return control


@pytest.fixture
def worker(engine: Engine, database_url: str, aws: Control) -> Iterator[Runtime]:
    """The parts of a worker, without the queue."""
    settings = load_settings(
        database_url=database_url,
        email_from="me@example.com",
        ses_read_timeout_seconds=1,
        lease_seconds=6,
        unknown_grace_seconds=60,
    )
    made = make_worker(settings, engine)
    yield made
    made.close()


def make_worker(settings: Settings, engine: Engine) -> Runtime:
    pacing.ensure(engine, REGION)
    accounts.save(engine, READING)
    made = Runtime(settings, engine, WorkerMetrics(CollectorRegistry(), "test"), Progress())
    made.gatekeeper.look()
    return made


def message(**fields: Any) -> Message:
    return Message(**{"to": "ada@example.com", "subject": "Hello", "text": "Hi", **fields})


def deliver(worker: Runtime, sent: Message) -> Done | GiveBack:
    received = Received("mailsluice-transactional", str(uuid.uuid4()), 1, 1_700_000_000.0)
    return worker.deliver(sent.to_wire(), received)


def life(engine: Engine, sent: Message) -> MessageStatus:
    found = status(engine, sent.id)
    assert found is not None
    return found


def accepted(aws: Control, sent: Message) -> list[Send]:
    return [send for send in aws.sends() if send.tags[MESSAGE_ID_TAG] == str(sent.id)]


def test_a_message_that_ses_takes_is_sent_with_our_id_as_its_tag(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    sent = message(tags={"campaign": "spring"})
    assert deliver(worker, sent) == Done()
    [send] = accepted(aws, sent)
    assert send.tags["campaign"] == "spring"
    assert send.tags["mailsluice-stream"] == "transactional"
    found = life(engine, sent)
    assert (found.state, found.ses_message_id) == ("sent", send.ses_message_id)
    assert found.recipients == {"ada@example.com": "sent"}
    assert found.enqueued_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_the_same_job_delivered_again_is_not_sent_again(worker: Runtime, aws: Control) -> None:
    sent = message()
    assert [deliver(worker, sent), deliver(worker, sent)] == [Done(), Done()]
    assert len(accepted(aws, sent)) == 1


def test_only_the_recipients_who_may_be_mailed_get_it(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    suppressions.add(engine, [Suppression("bob@example.com", "bounce", "event")])
    sent = message(to=["Bob <BOB@example.com>"], cc=["ada@example.com"])
    deliver(worker, sent)
    [send] = accepted(aws, sent)
    assert (send.to, send.cc) == (["ada@example.com"], [])
    assert life(engine, sent).recipients == {
        "ada@example.com": "sent",
        "bob@example.com": "suppressed",
    }


@pytest.mark.parametrize(
    ("fault", "ends_as"),
    [
        ({"status": 400, "code": "MessageRejected", "message": "Bad."}, "failed"),
        ({"status": 400, "code": "BadRequestException"}, "failed"),
        ({"status": 500, "code": "InternalFailure"}, "unknown"),
        ({"status": 404, "code": "NotFoundException"}, "parked"),
    ],
)
def test_an_answer_of_ses_decides_the_state(
    worker: Runtime, engine: Engine, aws: Control, fault: dict[str, Any], ends_as: str
) -> None:
    aws.fault("ses", "SendEmail", "status", **fault)
    sent = message()
    assert deliver(worker, sent) == Done()
    found = life(engine, sent)
    assert (found.state, found.outcome_code) == (ends_as, fault["code"])
    assert accepted(aws, sent) == []


@pytest.mark.parametrize("kind", ["lose_answer", "error_after", "cut", "hang"])
def test_a_lost_answer_is_unknown_after_exactly_one_post(
    worker: Runtime, engine: Engine, aws: Control, kind: str
) -> None:
    aws.fault("ses", "SendEmail", kind, seconds=3.0)
    sent = message()
    deliver(worker, sent)
    assert life(engine, sent).state == "unknown"
    aws.clear_faults()
    assert deliver(worker, sent) == Done()
    assert sum(aws.calls()["ses.SendEmail"].values()) == 1


def test_a_throttled_message_waits_and_goes_again_without_using_an_attempt(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault(
        "ses",
        "SendEmail",
        "status",
        status=429,
        code="TooManyRequestsException",
        message="Maximum sending rate exceeded.",
        times=1,
    )
    sent = message()
    assert deliver(worker, sent) == Done()
    assert len(accepted(aws, sent)) == 1
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT attempts_used FROM email_messages")) == 0


def test_a_paused_account_parks_the_message_and_shuts_every_gate(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.ses(sending_enabled=False, paused_as="message_rejected")
    first, second = message(), message()
    deliver(worker, first)
    assert not worker.may_receive("mailsluice-marketing")
    [gate] = gates.all_shut(engine)
    assert (gate.scope, gate.reason) == ("*", "account_paused")
    deliver(worker, second)
    assert [life(engine, each).state for each in (first, second)] == ["parked", "parked"]
    assert sum(aws.calls()["ses.SendEmail"].values()) == 1


def test_scheduled_mail_waits_in_the_ledger(worker: Runtime, engine: Engine, aws: Control) -> None:
    sent = message(send_at=datetime.now(UTC) + timedelta(hours=1))
    assert deliver(worker, sent) == Done()
    assert life(engine, sent).state == "parked"
    assert accepted(aws, sent) == []


def test_without_any_sender_the_message_says_what_to_set(
    engine: Engine, database_url: str, aws: Control
) -> None:
    sent = message()
    senderless = make_worker(load_settings(database_url=database_url), engine)
    deliver(senderless, sent)
    senderless.close()
    found = life(engine, sent)
    assert found.state == "parked"
    assert "EMAIL_FROM" in str(found.outcome_reason)


def test_an_attachment_and_an_unsubscribe_header_arrive(worker: Runtime, aws: Control) -> None:
    sent = message(
        html="<p>Hi</p>",
        attachments=[Attachment("a.txt", b"hello")],
        unsubscribe={"url": "https://example.com/u/1"},
        headers={"X-Campaign": "spring"},
    )
    assert deliver(worker, sent) == Done()
    assert len(accepted(aws, sent)) == 1


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"id": "no uuid", "to": ["ada@example.com"]}, "id"),
        ({"id": str(uuid.uuid4()), "to": ["no address"], "subject": "s", "text": "t"}, "to[0]"),
        ({"id": str(uuid.uuid4()), "version": 99}, "version"),
        (
            {
                "id": str(uuid.uuid4()),
                "version": 1,
                "stream": "nobodys",
                "to": ["ada@example.com"],
                "subject": "s",
                "text": "t",
            },
            "MAILSLUICE_STREAMS",
        ),
        ("not an object", ""),
    ],
)
def test_a_job_that_cannot_be_understood_is_written_down_with_its_reason(
    worker: Runtime, engine: Engine, job: object, reason: str
) -> None:
    received = Received("mailsluice-transactional", "sqs-1", 1, 1_700_000_000.0)
    with pytest.raises(JobRefusedError):
        worker.deliver(job, received)
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM refused_messages")).one()
    assert (row.queue, row.sqs_message_id) == ("mailsluice-transactional", "sqs-1")
    assert reason in row.reason
    assert "no address" not in row.reason


def test_a_message_that_was_claimed_at_three_deaths_is_not_sent_among_others(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    sent = message()
    for _ in range(3):
        die_with(engine, sent)
    assert deliver(worker, sent) == GiveBack(0)
    assert accepted(aws, sent) == []
    assert life(engine, sent).state == "queued"
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM message_starts")) == 1
        connection.execute(text("UPDATE email_messages SET lost_claims = 1"))
    assert deliver(worker, sent) == Done()


def die_with(engine: Engine, sent: Message) -> None:
    """A worker claims the message and dies; its silence is proved, and it is dispatched again."""
    candidate = Candidate(
        id=sent.id, stream="transactional", recipients=["ada@example.com"], payload={}
    )
    taken = claim(engine, candidate, lease_seconds=0.0, grace_seconds=0.0)
    assert isinstance(taken, Claimed)
    assert unknowns.sweep(engine, grace_seconds=0.0) == [sent.id]
    # The copy that comes back finds it unknown already, and counts no second death.
    claim(engine, candidate, lease_seconds=0.0, grace_seconds=0.0)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_messages SET state = 'queued', payload = NULL, due_at = NULL")
        )


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "\x1f", "\ufffe"], ids=ascii)
def test_characters_that_the_database_refuses_end_no_worker_and_lose_no_message(
    worker: Runtime, engine: Engine, odd: str
) -> None:
    """What must be put aside keeps its text; what is refused is kept, legibly, with its reason."""
    gates.shut(engine, gates.EVERYTHING, reason="test", seconds=60)
    worker.gatekeeper.look()
    wire = message().to_wire()
    jobs = [
        {**wire, "id": str(uuid.uuid4()), "text": odd},
        {**wire, "id": str(uuid.uuid4()), "to": [odd]},
        {**wire, "id": str(uuid.uuid4()), "stream": odd},
        {**wire, "id": str(uuid.uuid4()), odd: odd},
        {**wire, "id": odd},
        odd,
    ]
    for number, job in enumerate(jobs):
        received = Received("q", str(number), 1, 0.0)
        try:
            worker.deliver(job, received)
        except JobRefusedError:
            continue
        found = status(engine, uuid.UUID(job["id"]))
        assert found is not None
        assert found.state == "parked"
    worker.refuse_envelope("q", {"MessageId": "envelope", "Body": odd}, f"a reason with {odd}")
    with engine.begin() as connection:
        refused = connection.scalar(text("SELECT count(*) FROM refused_messages"))
        parked = connection.scalar(text("SELECT count(*) FROM email_messages"))
    assert refused + parked == len(jobs) + 1


def test_a_job_nested_too_deeply_to_be_read_is_kept_with_its_reason(
    worker: Runtime, engine: Engine
) -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    job = {**message().to_wire(), "text": nested}
    with pytest.raises(JobRefusedError):
        worker.deliver(job, Received("q", "deep", 1, 0.0))
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT sqs_message_id FROM refused_messages")) == "deep"
    while nested:
        nested = nested[0]


def test_a_reason_of_ses_with_characters_that_the_database_refuses_is_recorded(
    engine: Engine,
) -> None:
    message_id = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_messages (id, stream, state, attempt)"
                " VALUES (:id, 's', 'sending', 1)"
            ),
            {"id": message_id},
        )
    why = Why("Odd\x00", "a reason\x00 of SES \ud800")
    assert ledger.record_failed(engine, ledger.Held(message_id, 1), why)
