"""Too many bounces or complaints shut a stream, and no other, until they are fewer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from structlog.testing import capture_logs

from config.settings import load_settings
from db import gates, standings
from past_mail import bounced, complained, sent
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.reputation import ReputationGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    Guard = Callable[..., ReputationGuard]

SHUT_MARKETING = {("marketing", "reputation")}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def guard_with(engine: Engine, registry: CollectorRegistry) -> Guard:
    metrics = SchedulerMetrics(registry, "test")

    def make(**overrides: Any) -> ReputationGuard:
        return ReputationGuard(engine, load_settings(**overrides), metrics)

    return make


@pytest.fixture
def guard(guard_with: Guard) -> ReputationGuard:
    return guard_with()


def look(guard: ReputationGuard) -> None:
    while guard.look():
        pass


def shut(engine: Engine) -> set[tuple[str, str]]:
    return {(gate.scope, gate.reason) for gate in gates.all_shut(engine)}


def age(engine: Engine, hours: float) -> None:
    """Let the time pass: everything that was sent was sent earlier."""
    columns = [
        ("email_messages", "sent_at"),
        ("reputation_resumes", "held_until"),
        ("reputation_resumes", "counts_from"),
    ]
    with engine.begin() as connection:
        for table, column in columns:
            earlier = f"{column} - make_interval(secs => :seconds)"
            statement = text(f"UPDATE {table} SET {column} = {earlier}")  # noqa: S608  ours
            connection.execute(statement, {"seconds": hours * 3600})
        connection.execute(text("DELETE FROM sent_counts"))


def test_too_many_bounces_shut_the_stream_and_no_other(
    engine: Engine, guard: ReputationGuard
) -> None:
    sent(engine, "transactional", 300)
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    assert shut(engine) == SHUT_MARKETING


def test_too_many_complaints_shut_the_stream(engine: Engine, guard: ReputationGuard) -> None:
    complained(engine, sent(engine, "marketing", 5000)[:5], complaint_type="abuse")
    look(guard)
    assert shut(engine) == SHUT_MARKETING


def test_a_rate_of_little_mail_shuts_nothing(engine: Engine, guard: ReputationGuard) -> None:
    bounced(engine, sent(engine, "marketing", 199))
    look(guard)
    assert shut(engine) == set()


def test_a_stream_of_high_priority_shuts_only_where_ses_would_pause_the_account(
    engine: Engine, guard: ReputationGuard
) -> None:
    ids = sent(engine, "transactional", 200)
    bounced(engine, ids[:19])
    look(guard)
    assert shut(engine) == set()
    bounced(engine, ids[19:20])
    look(guard)
    assert shut(engine) == {("transactional", "reputation")}


def test_the_rate_of_all_mail_shuts_everything_only_where_that_is_wanted(
    engine: Engine, guard: ReputationGuard, guard_with: Guard
) -> None:
    for stream in ("marketing", "notifications"):
        bounced(engine, sent(engine, stream, 150)[:15])
    look(guard)
    assert shut(engine) == set()
    assert standings.levels(engine)["*", "bounce"] == 2
    look(guard_with(reputation_shuts_all=True))
    assert shut(engine) == {("*", "reputation")}


def test_a_stream_may_be_told_only_to_warn(engine: Engine, guard_with: Guard) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:50])
    look(guard_with(stream_overrides={"marketing": {"reputation_shuts": False}}))
    assert shut(engine) == set()
    assert standings.levels(engine)["marketing", "bounce"] == 2


def test_a_stream_has_limits_of_its_own(engine: Engine, guard_with: Guard) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:6])
    look(guard_with(stream_overrides={"marketing": {"bounce_shut": 0.04}}))
    assert shut(engine) == set()
    look(guard_with(stream_overrides={"marketing": {"bounce_shut": 0.03}}))
    assert shut(engine) == SHUT_MARKETING


def test_it_opens_by_itself_below_the_warning_and_not_before(
    engine: Engine, guard: ReputationGuard
) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    sent(engine, "marketing", 200)
    look(guard)
    assert shut(engine) == SHUT_MARKETING
    sent(engine, "marketing", 200)
    look(guard)
    assert shut(engine) == set()


def test_it_opens_when_the_mail_that_shut_it_is_in_no_window_any_more(
    engine: Engine, guard: ReputationGuard
) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    age(engine, hours=2)
    look(guard)
    assert shut(engine) == SHUT_MARKETING
    age(engine, hours=7 * 24)
    look(guard)
    assert shut(engine) == set()


def test_an_operators_word_holds_whatever_comes_for_as_long_as_it_is_to(
    engine: Engine, guard: ReputationGuard
) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    assert standings.resume(engine, "marketing", hold_seconds=3600)
    age(engine, hours=0.5)
    bounced(engine, sent(engine, "marketing", 400))
    look(guard)
    assert shut(engine) == set()
    age(engine, hours=0.5)
    look(guard)
    assert shut(engine) == SHUT_MARKETING


def test_after_that_what_was_sent_before_the_resume_shuts_nothing_and_later_mail_does(
    engine: Engine, guard: ReputationGuard
) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:50])
    look(guard)
    standings.resume(engine, "marketing", hold_seconds=3600)
    age(engine, hours=2)
    look(guard)
    assert shut(engine) == set()
    ids = sent(engine, "marketing", 200)
    look(guard)
    assert shut(engine) == set()
    bounced(engine, ids[:10])
    look(guard)
    assert shut(engine) == SHUT_MARKETING


def test_a_gate_that_was_shut_at_the_moment_of_the_resume_opens_at_the_next_look(
    engine: Engine, guard: ReputationGuard
) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    standings.resume(engine, "marketing", hold_seconds=3600)
    gates.shut(engine, "marketing", reason=gates.REPUTATION, seconds=60)
    look(guard)
    assert shut(engine) == set()


def test_other_reasons_stay(engine: Engine, guard: ReputationGuard) -> None:
    gates.shut(engine, "marketing", reason=gates.OPERATOR, seconds=None)
    look(guard)
    assert shut(engine) == {("marketing", gates.OPERATOR)}


def test_resuming_what_the_rates_did_not_shut_forgives_nothing(
    engine: Engine, guard: ReputationGuard
) -> None:
    assert not standings.resume(engine, "marketing", hold_seconds=3600)
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard)
    assert shut(engine) == SHUT_MARKETING


def test_a_crossing_is_told_once_whichever_scheduler_looks(
    engine: Engine, guard: ReputationGuard, guard_with: Guard
) -> None:
    ids = sent(engine, "marketing", 200)
    bounced(engine, ids[:4])
    with capture_logs() as logs:
        for each in (guard, guard, guard_with()):
            look(each)
    told = [line for line in logs if line["event"] == "a reputation rate has crossed a limit"]
    assert [(line["scope"], line["kind"], line["standing"]) for line in told] == [
        ("*", "bounce", "warned"),
        ("marketing", "bounce", "warned"),
    ]
    assert told[1]["log_level"] == "warning"
    assert (told[1]["rate"], told[1]["reports"], told[1]["recipients"]) == (0.02, 4, 200)
    sent(engine, "marketing", 200)
    with capture_logs() as logs:
        look(guard)
        look(guard)
    assert [line["standing"] for line in logs] == ["good", "good"]


def test_it_is_measured(
    engine: Engine, guard: ReputationGuard, registry: CollectorRegistry
) -> None:
    bounced(engine, sent(engine, "marketing", 200, hours_ago=2)[:10])
    look(guard)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"test_email_reputation_{name}", labels)

    marketing = {"stream": "marketing", "kind": "bounce"}
    assert value("rate", **marketing, window="24h") == 0.05
    assert value("rate", **marketing, window="1h") == 0
    assert value("recipients", **marketing, window="7d") == 200
    assert value("recipients", stream="*", kind="complaint", window="7d") == 200
    assert value("limit", **marketing, level="shut") == 0.05
    assert value("level", **marketing) == 2
    assert value("level", stream="transactional", kind="bounce") == 0


def test_domains_of_the_settings_are_treated_apart(engine: Engine, guard_with: Guard) -> None:
    bounced(engine, sent(engine, "marketing", 200)[:10])
    look(guard_with(reputation_verified_domains=("example.com",)))
    assert shut(engine) == set()


def test_overrides_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, guard_with: Guard
) -> None:
    monkeypatch.setenv("MAILSLUICE_REPUTATION_MIN_RECIPIENTS", "10")
    monkeypatch.setenv("MAILSLUICE_STREAMS", json.dumps({"marketing": {"bounce_warn": 0.01}}))
    bounced(engine, sent(engine, "marketing", 10)[:5])
    look(guard_with())
    assert shut(engine) == SHUT_MARKETING
