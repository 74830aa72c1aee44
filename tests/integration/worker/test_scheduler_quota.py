"""The day's quota is a schedule: streams stop at their part and go on by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.settings import load_settings
from db import accounts, gates, quota
from db.accounts import AccountReading
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, record_sent
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.quota import QuotaWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

REGION = "eu-west-1"


def read(engine: Engine, most: float, sent: float, rate: float = 1.0) -> None:
    accounts.save(engine, AccountReading(REGION, rate, most, sent, True, True, "HEALTHY"))  # noqa: FBT003


def send(engine: Engine, *recipients: str, hours_ago: float = 0.0) -> None:
    candidate = Candidate(id=uuid4(), stream="marketing", recipients=recipients, payload={})
    won = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    record_sent(engine, Held(candidate.id, won.attempt), ses_message_id=str(candidate.id))
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE email_messages SET sent_at = now() - make_interval(secs => :seconds) "
                "WHERE id = :id"
            ),
            {"id": candidate.id, "seconds": hours_ago * 3600},
        )


@pytest.fixture
def readings() -> list[str]:
    return []


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def watch(engine: Engine, registry: CollectorRegistry, readings: list[str]) -> QuotaWatch:
    def read_account() -> None:
        readings.append("read")

    streams = load_settings().streams
    metrics = SchedulerMetrics(registry, "test")
    return QuotaWatch(engine, REGION, streams, metrics, read_account=read_account)


def shut(engine: Engine) -> set[tuple[str, str]]:
    return {(gate.scope, gate.reason) for gate in gates.all_shut(engine)}


def test_what_was_sent_since_the_reading_counts_by_recipient(engine: Engine) -> None:
    send(engine, "before@example.com", hours_ago=1)
    read(engine, 100.0, 7.0)
    send(engine, "ada@example.com", "bob@example.com", "success@simulator.amazonses.com")
    found = quota.usage(engine, REGION)
    assert found is not None
    assert (found.said, found.since, found.used, found.left) == (7.0, 2, 9.0, 91.0)


def test_what_is_in_a_workers_hands_counts_as_sent(engine: Engine) -> None:
    read(engine, 100.0, 0.0)
    candidate = Candidate(id=uuid4(), stream="x", recipients=["ada@example.com"], payload={})
    claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    found = quota.usage(engine, REGION)
    assert found is not None
    assert found.since == 1


def test_an_account_without_quota_has_no_limit(engine: Engine, watch: QuotaWatch) -> None:
    read(engine, -1.0, 1e9)
    watch.look()
    found = quota.usage(engine, REGION)
    assert found is not None
    assert found.left is None
    assert shut(engine) == set()


def test_without_any_reading_nothing_is_shut(engine: Engine, watch: QuotaWatch) -> None:
    watch.look()
    assert shut(engine) == set()


@pytest.mark.parametrize(
    ("used", "stopped"),
    [
        (799.0, set()),
        (800.0, {"marketing"}),
        (950.0, {"marketing", "notifications"}),
        (997.0, {"marketing", "notifications", "transactional"}),
    ],
)
def test_marketing_stops_first_and_transactional_mail_last(
    engine: Engine, watch: QuotaWatch, used: float, stopped: set[str]
) -> None:
    read(engine, 1000.0, used)
    watch.look()
    assert shut(engine) == {(stream, "quota") for stream in stopped}


def test_a_stream_stops_by_what_we_sent_ourselves_between_two_readings(
    engine: Engine, watch: QuotaWatch
) -> None:
    read(engine, 10.0, 7.0)
    watch.look()
    assert shut(engine) == set()
    send(engine, "ada@example.com")
    watch.look()
    assert shut(engine) == {("marketing", "quota")}


def test_a_stream_goes_on_when_the_window_has_moved_on(engine: Engine, watch: QuotaWatch) -> None:
    read(engine, 1000.0, 800.0)
    watch.look()
    read(engine, 1000.0, 799.0)
    watch.look()
    assert shut(engine) == {("marketing", "quota")}
    read(engine, 1000.0, 795.0)
    watch.look()
    assert shut(engine) == set()


def test_the_operator_sees_when_the_stream_is_likely_to_go_on(
    engine: Engine, watch: QuotaWatch
) -> None:
    for hours_ago in (23.0, 20.0, 1.0):
        send(engine, *(f"{n}@example.com" for n in range(3)), hours_ago=hours_ago)
    read(engine, 10.0, 9.0)
    watch.look()
    [gate] = [each for each in gates.all_shut(engine) if each.scope == "marketing"]
    assert gate.expected_seconds is not None
    assert 3500 < gate.expected_seconds <= 3600


def test_where_others_use_the_account_no_time_is_promised(
    engine: Engine, watch: QuotaWatch
) -> None:
    send(engine, "ada@example.com", hours_ago=23)
    read(engine, 10.0, 9.0)
    watch.look()
    assert all(gate.expected_seconds is None for gate in gates.all_shut(engine))


def test_other_reasons_stay(engine: Engine, watch: QuotaWatch) -> None:
    gates.shut(engine, "marketing", reason=gates.OPERATOR, seconds=None)
    read(engine, 1000.0, 0.0)
    watch.look()
    assert shut(engine) == {("marketing", gates.OPERATOR)}


@pytest.mark.parametrize("reason", ["quota", "account_paused", "sending_paused"])
def test_a_refusal_that_the_account_explains_has_it_read_at_once(
    engine: Engine, watch: QuotaWatch, readings: list[str], reason: str
) -> None:
    read(engine, 1000.0, 0.0)
    watch.look()
    assert readings == []
    gates.refuse(engine, "marketing", reason=reason, message_id=uuid4(), seconds=30)
    watch.look()
    assert readings == ["read"]
    read(engine, 1000.0, 0.0)
    watch.look()
    assert readings == ["read"]


def test_it_is_measured(engine: Engine, watch: QuotaWatch, registry: CollectorRegistry) -> None:
    read(engine, 1000.0, 800.0)
    gates.shut(engine, "*", reason="operator: secret", seconds=None)
    watch.look()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"test_{name}", labels)

    assert value("ses_quota_recipients", figure="left") == 200
    assert value("ses_quota_limit_recipients", stream="marketing") == 800
    assert value("gate_shut", scope="marketing", reason="quota") == 1
    assert value("gate_shut", scope="*", reason="operator") == 1


def test_a_look_reads_only_what_was_sent_since(
    engine: Engine, make_plan: Callable[[], str]
) -> None:
    read(engine, 1000.0, 0.0)
    assert "email_messages_sent_at" in make_plan()


@pytest.fixture
def make_plan(engine: Engine) -> Callable[[], str]:
    def plan() -> str:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.execute(
                text(
                    "EXPLAIN SELECT id FROM email_messages WHERE sent_at >= "
                    "(SELECT checked_at FROM ses_accounts)"
                )
            )
            return "\n".join(row[0] for row in rows)

    return plan
