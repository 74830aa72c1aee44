"""After a refusal few calls reach SES, and after the cure sending resumes by itself."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.aws import ses_control
from config.health import Progress
from config.posting.signing import Signer
from config.settings import load_settings
from db import accounts, gates, pacing, parking, probes, unknowns
from db.accounts import AccountReading
from db.gate_news import GateNews
from db.messages import status
from mailsluice import Message
from sandbox.aws.control import Control
from sandbox.aws.server import SimulatorThread
from sandbox.postgres import free_port
from worker.metrics import WorkerMetrics
from worker.pacer import Pacer
from worker.runtime import Runtime
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.quota import QuotaWatch
from worker.scheduler.watches import AccountWatch
from worker.ses.sender import Ready, Sender
from worker.stopping import StoppingError
from worker.transport import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.credentials import ReadOnlyCredentials
    from sqlalchemy import Engine

REGION = "eu-west-1"
READING = AccountReading(REGION, 500.0, -1.0, 0.0, True, True, "HEALTHY")  # noqa: FBT003
STREAMS = ["transactional", "notifications", "marketing"]
EXPIRED = {"status": 403, "code": "ExpiredTokenException", "message": "expired"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def aws(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    control = Control(simulator.endpoint_url)
    control.reset()
    control.ses(max_send_rate=500.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    client = boto3.client("sesv2", region_name=REGION, endpoint_url=simulator.endpoint_url)
    client.create_email_identity(EmailIdentity="example.com")
    return control


@pytest.fixture
def make_worker(engine: Engine, database_url: str, aws: Control) -> Iterator[Callable[[], Runtime]]:
    """Makes the parts of a worker process, without the queue."""
    assert aws
    pacing.ensure(engine, REGION)
    accounts.save(engine, READING)
    made: list[Runtime] = []

    def make(**options: Any) -> Runtime:
        settings = load_settings(database_url=database_url, email_from="me@example.com", **options)
        metrics = WorkerMetrics(CollectorRegistry(), "test")
        made.append(Runtime(settings, engine, metrics, Progress()))
        made[-1].gatekeeper.look()
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def worker(make_worker: Callable[[], Runtime]) -> Runtime:
    return make_worker()


def deliver(worker: Runtime, stream: str = "transactional") -> uuid.UUID:
    message = Message(to="ada@example.com", subject="Hello", text="Hi", stream=stream)
    received = Received(f"mailsluice-{stream}", str(uuid.uuid4()), 1, 1_700_000_000.0)
    worker.deliver(message.to_wire(), received)
    return uuid.UUID(str(message.id))


def state(engine: Engine, message_id: uuid.UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def calls(aws: Control) -> int:
    return sum(aws.calls().get("ses.SendEmail", {}).values())


def time_is_over(engine: Engine) -> None:
    """The gates' own time has passed."""
    with engine.begin() as connection:
        over = "shut_until = now(), probe_until = NULL WHERE message_id IS NOT NULL"
        connection.execute(text(f"UPDATE gates SET {over}"))  # noqa: S608  a constant


def shut(engine: Engine) -> set[tuple[str, str]]:
    return {(gate.scope, gate.reason) for gate in gates.all_shut(engine)}


def test_after_the_first_refusal_no_other_message_reaches_ses(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", **EXPIRED)
    waiting = [deliver(worker, stream) for stream in STREAMS]
    assert calls(aws) == 1
    assert {state(engine, each) for each in waiting} == {"parked"}
    assert shut(engine) == {("*", "credentials")}


def test_when_the_time_is_over_the_gate_stays_shut_for_all_but_one_message(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", **EXPIRED)
    deliver(worker)
    time_is_over(engine)
    worker.gatekeeper.look()
    assert not worker.may_receive("mailsluice-transactional")
    assert parking.take_due(engine, STREAMS, most=10, lease_seconds=60) == []
    assert calls(aws) == 1
    worker.prober.probe()
    worker.prober.probe()
    assert calls(aws) == 2


def test_one_process_probes_at_a_time(
    engine: Engine, aws: Control, make_worker: Callable[[], Runtime]
) -> None:
    worker = make_worker()
    aws.fault("ses", "SendEmail", "status", **EXPIRED)
    for _ in range(3):
        deliver(worker)
    time_is_over(engine)
    assert probes.take(engine, lease_seconds=60) is not None
    assert probes.take(engine, lease_seconds=60) is None
    make_worker().prober.probe()
    assert calls(aws) == 1


def test_a_refused_probe_shuts_the_gate_for_longer_but_never_for_a_minute(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", **EXPIRED)
    deliver(worker)
    for _ in range(4):
        time_is_over(engine)
        worker.prober.probe()
    [gate] = gates.all_shut(engine)
    assert gate.seconds is not None
    assert 40 < gate.seconds <= 45
    assert calls(aws) == 5


def test_a_probe_that_ses_takes_opens_the_gate_and_is_sent_once(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    refused = deliver(worker)
    waiting = deliver(worker)
    time_is_over(engine)
    worker.prober.probe()
    assert shut(engine) == set()
    assert worker.may_receive("mailsluice-transactional")
    assert (state(engine, refused), state(engine, waiting)) == ("sent", "parked")
    assert len(aws.sends()) == 1


def test_what_was_halted_is_due_when_the_first_probe_may_go(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", **EXPIRED)
    for _ in range(20):
        deliver(worker)
    with engine.begin() as connection:
        longest = connection.scalar(
            text("SELECT max(extract(epoch FROM due_at - now())) FROM email_messages")
        )
    assert longest <= 30


def test_a_probe_that_fails_by_itself_decides_nothing(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    refused = deliver(worker)
    aws.fault("ses", "SendEmail", "status", status=400, code="BadRequestException", times=1)
    time_is_over(engine)
    worker.prober.probe()
    assert state(engine, refused) == "failed"
    assert shut(engine) == {("*", "credentials")}


def test_a_gate_that_no_message_can_probe_opens(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    deliver(worker)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET state = 'failed', payload = NULL"))
    time_is_over(engine)
    worker.prober.probe()
    assert shut(engine) == set()


def test_a_stream_that_an_operator_paused_is_not_probed(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    deliver(worker)
    gates.shut(engine, "transactional", reason=gates.OPERATOR, seconds=None)
    time_is_over(engine)
    worker.prober.probe()
    assert calls(aws) == 1
    assert ("transactional", gates.OPERATOR) in shut(engine)


def test_scheduled_mail_is_no_probe(worker: Runtime, engine: Engine, aws: Control) -> None:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    refused = deliver(worker)
    with engine.begin() as connection:
        connection.execute(text("UPDATE gates SET message_id = :other"), {"other": uuid.uuid4()})
        connection.execute(
            text("UPDATE email_messages SET outcome_code = 'Scheduled', due_at = now() + '1 hour'")
        )
    time_is_over(engine)
    worker.prober.probe()
    assert calls(aws) == 1
    assert state(engine, refused) == "parked"


def test_a_paused_configuration_set_stops_the_streams_that_use_it_and_no_other(
    engine: Engine, aws: Control, make_worker: Callable[..., Runtime]
) -> None:
    overrides = {
        "transactional": {"configuration_set": "safe"},
        "marketing": {"configuration_set": "bulk"},
        "notifications": {"configuration_set": "bulk"},
    }
    worker = make_worker(stream_overrides=overrides)
    code = "ConfigurationSetSendingPausedException"
    aws.fault("ses", "SendEmail", "status", status=400, code=code, times=1)
    deliver(worker, "marketing")
    assert {scope for scope, _ in shut(engine)} == {"marketing", "notifications"}
    assert worker.may_receive("mailsluice-transactional")
    client = boto3.client("sesv2", region_name=REGION)
    client.create_configuration_set(ConfigurationSetName="bulk")
    time_is_over(engine)
    worker.prober.probe()
    assert shut(engine) == set()


def test_renewed_credentials_are_taken_without_a_restart(
    engine: Engine,
    aws: Control,
    make_worker: Callable[[], Runtime],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    issued = tmp_path / "credentials.json"
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = cat {issued}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    # So near their end that botocore has to ask for newer ones at each use.
    ends = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()

    def issue(key: str) -> None:
        issued.write_text(
            f'{{"Version": 1, "AccessKeyId": "{key}", "SecretAccessKey": "x", '
            f'"SessionToken": "t", "Expiration": "{ends}"}}'
        )

    used: list[str | None] = []
    sign = Signer.sign

    def note_and_sign(
        self: Signer, body: bytes, credentials: ReadOnlyCredentials, **options: Any
    ) -> dict[str, str]:
        used.append(credentials.access_key)
        return sign(self, body, credentials, **options)

    monkeypatch.setattr(Signer, "sign", note_and_sign)
    issue("OLD")
    worker = make_worker()
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    refused = deliver(worker)
    assert shut(engine) == {("*", "credentials")}
    issue("NEW")
    time_is_over(engine)
    worker.prober.probe()
    assert state(engine, refused) == "sent"
    assert used == ["OLD", "NEW"]


def test_a_change_of_a_gate_is_heard_at_once(engine: Engine) -> None:
    stopping = threading.Event()
    news = GateNews(engine, stopping)
    news.wait(0.0)
    gates.shut(engine, "marketing", reason="quota", seconds=60)
    heard = threading.Thread(target=news.wait, args=(600,))
    heard.start()
    heard.join(timeout=30)
    assert not heard.is_alive()
    news.close()


def test_without_the_database_the_news_only_waits(engine: Engine) -> None:
    stopping = threading.Event()
    news = GateNews(engine, stopping)
    news.wait(0.0)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND query LIKE 'LISTEN%'"
            )
        )
    assert not news.wait(0.01)
    assert not news.wait(0.01)
    gates.shut(engine, "marketing", reason="quota", seconds=60)
    news.close()


def test_a_message_whose_gate_shuts_while_its_slot_comes_is_not_posted(
    worker: Runtime, engine: Engine, aws: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for(*_: object) -> bool:
        worker.gatekeeper.refuse(["*"], reason="quota", message_id=uuid.uuid4(), seconds=60)
        return True

    monkeypatch.setattr(Pacer, "wait_for", wait_for)
    waiting = deliver(worker)
    assert calls(aws) == 0
    assert state(engine, waiting) == "parked"


def test_a_probe_that_is_given_back_waits_in_the_ledger_again(
    worker: Runtime, engine: Engine, aws: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job lies nowhere but there."""
    refused = refused_once(worker, engine, aws)

    def stops(*_: object) -> bool:
        raise StoppingError

    monkeypatch.setattr(Pacer, "wait_for", stops)
    worker.prober.probe()
    assert (state(engine, refused), job_is_kept(engine)) == ("parked", True)
    time_is_over(engine)
    monkeypatch.undo()
    worker.prober.probe()
    assert state(engine, refused) == "sent"


def test_the_job_of_a_probe_that_is_killed_is_not_lost(
    worker: Runtime, engine: Engine, aws: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refused_once(worker, engine, aws)

    class KilledError(BaseException):
        """Nothing is done any more, as after a SIGKILL."""

    def killed(*_: object) -> Ready:
        raise KilledError

    monkeypatch.setattr(Sender, "prepare", killed)
    with pytest.raises(KilledError):
        worker.prober.probe()
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET lease_until = now() - interval '1 s'"))
    assert unknowns.sweep(engine, grace_seconds=0) == [refused]
    assert (state(engine, refused), job_is_kept(engine)) == ("unknown", True)


def refused_once(worker: Runtime, engine: Engine, aws: Control) -> uuid.UUID:
    aws.fault("ses", "SendEmail", "status", times=1, **EXPIRED)
    refused = deliver(worker)
    time_is_over(engine)
    return refused


def job_is_kept(engine: Engine) -> bool:
    with engine.begin() as connection:
        return bool(connection.scalar(text("SELECT payload IS NOT NULL FROM email_messages")))


def test_a_host_that_cannot_reach_ses_stops_itself_and_nobody_else(
    make_worker: Callable[..., Runtime], engine: Engine, aws: Control, monkeypatch: Any
) -> None:
    well = make_worker()
    with monkeypatch.context() as sick_host:
        sick_host.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{free_port()}")
        sick = make_worker()
    waiting = deliver(sick)
    assert state(engine, waiting) == "parked"
    assert not sick.may_receive("mailsluice-transactional")
    assert shut(engine) == set()
    assert state(engine, deliver(well)) == "sent"


def test_a_look_that_began_before_a_refusal_does_not_open_what_it_shuts(
    worker: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = gates.all_shut

    def slow_look(engine: Engine) -> list[gates.ShutGate]:
        found = look(engine)
        worker.gatekeeper.refuse(["*"], reason="quota", message_id=uuid.uuid4(), seconds=60)
        return found

    monkeypatch.setattr(gates, "all_shut", slow_look)
    worker.gatekeeper.look()
    assert not worker.gatekeeper.is_open("transactional")


def test_sending_paused_without_saying_of_what_shuts_everything_if_it_is_the_account(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    metrics = SchedulerMetrics(CollectorRegistry(), "test")
    settings = load_settings()
    account = AccountWatch(engine, ses_control(settings), REGION, metrics, poll_seconds=30)
    quota = QuotaWatch(engine, REGION, settings.streams, metrics, read_account=account.look)
    aws.ses(sending_enabled=False, paused_as="exception")
    refused = deliver(worker)
    assert ("transactional", "sending_paused") in shut(engine)
    quota.look()
    assert ("*", "account_paused") in shut(engine)
    aws.ses(sending_enabled=True)
    account.look()
    time_is_over(engine)
    worker.prober.probe()
    assert state(engine, refused) == "sent"
    assert shut(engine) == set()


def test_a_refusal_that_the_account_data_denies_is_probed_at_once_but_only_once(
    worker: Runtime, engine: Engine, aws: Control
) -> None:
    metrics = SchedulerMetrics(CollectorRegistry(), "test")
    account = AccountWatch(engine, ses_control(load_settings()), REGION, metrics, poll_seconds=30)
    full = "Daily message quota exceeded."
    aws.fault("ses", "SendEmail", "status", status=400, code="LimitExceededException", message=full)
    deliver(worker)
    for _ in range(5):
        account.look()
        worker.prober.probe()
    assert calls(aws) == 2
    assert shut(engine) == {("*", "quota")}
