"""What the scheduler sees of the account and the queues, and what follows. Real database, HTTP."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from config import aws
from config.settings import load_settings
from db import accounts, gates, watermarks
from db.claims import Candidate, claim
from sandbox.aws.server import SimulatorThread
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.watches import AccountWatch, QueueWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from sandbox.aws.control import Control

REGION = "eu-west-1"
POLL_SECONDS = 30.0


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
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ses(control: Control) -> Any:
    return aws.ses_control(load_settings())


@pytest.fixture
def watch(engine: Engine, ses: Any, registry: CollectorRegistry) -> AccountWatch:
    metrics = SchedulerMetrics(registry, "test")
    return AccountWatch(engine, ses, REGION, metrics, poll_seconds=POLL_SECONDS)


def shut(engine: Engine) -> dict[tuple[str, str], float | None]:
    return {(gate.scope, gate.reason): gate.seconds for gate in gates.all_shut(engine)}


def lose(ses: Any, *members: str) -> None:
    """SES's answers lack these from now on."""

    def drop(parsed: dict[str, Any], **_: object) -> None:
        for member in members:
            parsed.pop(member)

    ses.meta.events.register("after-call.sesv2.GetAccount", drop)


def test_the_newest_reading_is_there_for_every_process(
    engine: Engine, control: Control, watch: AccountWatch, registry: CollectorRegistry
) -> None:
    control.ses(max_send_rate=14.0, max_24_hour_send=200.0, sent_last_24_hours=3.0)
    watch.look()
    reading = accounts.latest(engine, REGION)
    assert reading is not None
    assert (reading.max_send_rate, reading.max_24_hour_send, reading.sent_last_24_hours) == (
        14.0,
        200.0,
        3.0,
    )
    shown = registry.get_sample_value("test_ses_account", {"figure": "max_send_rate"})
    assert shown == 14.0
    assert shut(engine) == {}


@pytest.mark.parametrize("missing", [["SendQuota"], ["SendQuota", "SendingEnabled"]])
def test_an_answer_without_quota_does_not_stop_the_sending(
    engine: Engine, ses: Any, watch: AccountWatch, registry: CollectorRegistry, missing: list[str]
) -> None:
    watch.look()
    before = accounts.latest(engine, REGION)
    lose(ses, *missing)
    watch.look()
    assert before is not None
    assert accounts.latest(engine, REGION) == before
    shown = registry.get_sample_value("test_ses_account", {"figure": "max_send_rate"})
    assert shown == before.max_send_rate
    assert shut(engine) == {}


def test_an_answer_without_quota_opens_no_gate(
    engine: Engine, control: Control, ses: Any, watch: AccountWatch
) -> None:
    control.ses(sending_enabled=False, max_24_hour_send=10.0, sent_last_24_hours=10.0)
    watch.look()
    lose(ses, "SendQuota", "SendingEnabled")
    watch.look()
    assert set(shut(engine)) == {("*", "account_paused"), ("*", "quota")}


def test_a_paused_account_is_believed_without_its_quota(
    engine: Engine, control: Control, ses: Any, watch: AccountWatch
) -> None:
    control.ses(sending_enabled=False)
    lose(ses, "SendQuota")
    watch.look()
    assert set(shut(engine)) == {("*", "account_paused")}


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"sending_enabled": False}, "account_paused"),
        ({"enforcement_status": "SHUTDOWN"}, "account_paused"),
        ({"max_24_hour_send": 200.0, "sent_last_24_hours": 200.0}, "quota"),
        ({"max_24_hour_send": 200.0, "sent_last_24_hours": 201.0}, "quota"),
    ],
)
def test_while_ses_takes_no_mail_none_is_taken_out_of_the_queues(
    engine: Engine, control: Control, watch: AccountWatch, trouble: dict[str, Any], reason: str
) -> None:
    control.ses(**trouble)
    watch.look()
    [(gate, seconds)] = shut(engine).items()
    assert gate == ("*", reason)
    assert seconds is not None
    assert POLL_SECONDS < seconds <= 2 * POLL_SECONDS


@pytest.mark.parametrize(
    "fine",
    [
        {"enforcement_status": "PROBATION"},
        {"max_24_hour_send": -1.0, "sent_last_24_hours": 1_000_000.0},
        {"max_24_hour_send": 200.0, "sent_last_24_hours": 199.0},
    ],
)
def test_while_ses_takes_mail_every_gate_is_open(
    engine: Engine, control: Control, watch: AccountWatch, fine: dict[str, Any]
) -> None:
    control.ses(**fine)
    watch.look()
    assert shut(engine) == {}


@pytest.mark.parametrize(
    ("trouble", "over"),
    [
        ({"sending_enabled": False}, {"sending_enabled": True}),
        ({"enforcement_status": "SHUTDOWN"}, {"enforcement_status": "HEALTHY"}),
        ({"max_24_hour_send": 5.0, "sent_last_24_hours": 5.0}, {"sent_last_24_hours": 4.0}),
    ],
)
def test_as_soon_as_ses_takes_mail_again_so_do_we(
    engine: Engine,
    control: Control,
    watch: AccountWatch,
    trouble: dict[str, Any],
    over: dict[str, Any],
) -> None:
    control.ses(**trouble)
    watch.look()
    control.ses(**over)
    watch.look()
    assert shut(engine) == {}


def test_a_gate_that_a_worker_shut_opens_with_the_next_poll(
    engine: Engine, watch: AccountWatch
) -> None:
    gates.shut(engine, gates.EVERYTHING, reason="account_paused", seconds=3600)
    gates.shut(engine, gates.EVERYTHING, reason="quota", seconds=3600)
    watch.look()
    assert shut(engine) == {}


def test_what_an_operator_or_another_cause_keeps_shut_stays_shut(
    engine: Engine, watch: AccountWatch
) -> None:
    gates.shut(engine, gates.EVERYTHING, reason=gates.OPERATOR, seconds=None)
    gates.shut(engine, gates.EVERYTHING, reason="credentials", seconds=60)
    gates.shut(engine, "marketing", reason="account_paused", seconds=60)
    watch.look()
    assert set(shut(engine)) == {
        ("*", gates.OPERATOR),
        ("*", "credentials"),
        ("marketing", "account_paused"),
    }


@pytest.fixture
def urls(control: Control) -> dict[str, str]:
    sqs = aws.sqs(load_settings())
    names = ("first", "second")
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}


@pytest.fixture
def queue_watch(engine: Engine, urls: dict[str, str], registry: CollectorRegistry) -> QueueWatch:
    metrics = SchedulerMetrics(registry, "test")
    sqs, events_queues = aws.sqs(load_settings()), ("events", "never-drained")
    return QueueWatch(engine, sqs, urls, metrics, events_queues=events_queues)


def depth(registry: CollectorRegistry, queue: str) -> dict[str, float | None]:
    return {
        state: registry.get_sample_value(
            "test_sqs_queue_messages", {"queue": queue, "state": state}
        )
        for state in ("visible", "in_flight", "delayed")
    }


def test_the_depth_of_each_queue_is_measured(
    urls: dict[str, str], queue_watch: QueueWatch, registry: CollectorRegistry
) -> None:
    sqs = aws.sqs(load_settings())
    for delay_seconds in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=urls["first"], MessageBody="x", DelaySeconds=delay_seconds)
    sqs.receive_message(QueueUrl=urls["first"])
    queue_watch.look()
    assert depth(registry, "first") == {"visible": 2.0, "in_flight": 1.0, "delayed": 1.0}
    assert depth(registry, "second") == {"visible": 0.0, "in_flight": 0.0, "delayed": 0.0}


def test_what_waits_in_the_ledger_is_counted(
    engine: Engine, queue_watch: QueueWatch, registry: CollectorRegistry
) -> None:
    candidate = Candidate(
        id=uuid4(), stream="marketing", recipients=["ada@example.com"], payload={}
    )
    claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    queue_watch.look()
    labels = {"stream": "marketing", "state": "sending"}
    assert registry.get_sample_value("test_email_messages_waiting", labels) == 1.0


def test_the_age_of_each_watermark_is_measured_by_the_clock_of_the_database(
    engine: Engine, queue_watch: QueueWatch, registry: CollectorRegistry
) -> None:
    until = watermarks.moment(engine) - timedelta(hours=2)
    watermarks.advance(engine, "events", until)
    watermarks.advance(engine, "of-another-installation", until)
    queue_watch.look()

    def age_seconds(queue: str) -> float | None:
        name, labels = "test_event_watermark_age_seconds", {"queue": queue}
        return registry.get_sample_value(name, labels)

    assert age_seconds("events") == pytest.approx(7200, abs=600)
    assert age_seconds("never-drained") == math.inf
    assert age_seconds("of-another-installation") is None


def test_a_queue_that_is_gone_does_not_hide_the_others(
    urls: dict[str, str], queue_watch: QueueWatch, registry: CollectorRegistry
) -> None:
    aws.sqs(load_settings()).delete_queue(QueueUrl=urls["first"])
    queue_watch.look()
    assert depth(registry, "first")["visible"] is None
    assert depth(registry, "second")["visible"] == 0.0
