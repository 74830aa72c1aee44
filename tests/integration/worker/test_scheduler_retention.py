"""The scheduler's duty of removing what is old enough. Real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.settings import load_settings
from db.suppressions import Suppression, add, find
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.retention import Retention

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.settings import Settings

TABLES = (
    "email_messages",
    "email_recipients",
    "email_events",
    "email_bounces",
    "email_deliveries",
    "email_complaints",
    "refused_messages",
    "email_suppression_changes",
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def aged(engine: Engine) -> Engine:
    """Two of everything, ten years old."""
    with engine.begin() as connection:
        for statement in (
            (
                "INSERT INTO email_messages (id, stream, state, created_at, updated_at) SELECT"
                " gen_random_uuid(), 'marketing', 'delivered', moment, moment"
            ),
            (
                "INSERT INTO email_events (identity, kind, occurred_at, received_at, raw) SELECT"
                " n::text, 'send', moment, moment, '[1]'"
            ),
            (
                "INSERT INTO email_bounces (address, bounce_type, bounce_subtype, feedback_id,"
                " bounced_at) SELECT 'ada@example.com', 'Permanent', 'General', n::text, moment"
            ),
            (
                "INSERT INTO email_deliveries (address, mail, delivered_at) SELECT"
                " 'ada@example.com', n::text, moment"
            ),
            (
                "INSERT INTO email_complaints (address, feedback_id, complained_at) SELECT"
                " 'ada@example.com', n::text, moment"
            ),
            (
                "INSERT INTO refused_messages (queue, sqs_message_id, reason, body, last_seen_at)"
                " SELECT 'q', n::text, 'r', 'b', moment"
            ),
            (
                "INSERT INTO email_suppression_changes (address, scope, action, source, changed_at)"
                " SELECT 'ada@example.com', '*', 'added', 'event', moment"
            ),
        ):
            ages = (
                " FROM generate_series(1, 2) AS n, (SELECT now() - interval '10 y') AS t (moment)"
            )
            connection.execute(text(statement + ages))
        connection.execute(
            text(
                "INSERT INTO email_recipients (message_id, address, state)"
                " SELECT id, 'ada@example.com', 'sent' FROM email_messages"
            )
        )
    return engine


def retire_all(engine: Engine, settings: Settings, registry: CollectorRegistry) -> int:
    """Every turn of the duty; answers how many there were."""
    duty = Retention(engine, settings, SchedulerMetrics(registry, "test"))
    turns = 1
    while duty.retire():
        turns += 1
    return turns


def left(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
            for table in TABLES
        }


def test_by_default_all_about_people_goes_but_the_history_of_the_list(
    aged: Engine, settings: Settings, registry: CollectorRegistry
) -> None:
    retire_all(aged, settings, registry)
    kept = {"email_messages": 2, "email_suppression_changes": 2}
    assert left(aged) == {**dict.fromkeys(TABLES, 0), **kept}


def test_a_table_that_keeps_for_ever_is_left_alone(
    aged: Engine, database_url: str, registry: CollectorRegistry
) -> None:
    names = ("recipients", "events", "event_contents", "bounces", "complaints", "refused")
    forever: dict[str, float] = {f"retain_{name}_days": 0 for name in names}
    retire_all(aged, load_settings(database_url=database_url, **forever), registry)
    assert left(aged) == dict.fromkeys(TABLES, 2)


def test_no_retention_takes_anybody_off_the_suppression_list(
    aged: Engine, database_url: str, registry: CollectorRegistry
) -> None:
    add(aged, [Suppression("ada@example.com", "bounce", "event")])
    with aged.begin() as connection:
        connection.execute(
            text("UPDATE email_suppressions SET created_at = now() - interval '20 years'")
        )
    settings = load_settings(database_url=database_url, retain_suppression_changes_days=365)
    retire_all(aged, settings, registry)
    assert [each.reason for each in find(aged, "ada@example.com")] == ["bounce"]


def test_each_turn_is_a_batch_and_each_row_is_counted_once(
    aged: Engine, database_url: str, registry: CollectorRegistry
) -> None:
    settings = load_settings(
        database_url=database_url, retention_batch_rows=1, retain_messages_days=400
    )
    assert retire_all(aged, settings, registry) == 2 * 7 + 1
    for table in ("email_messages", "email_recipients", "email_events", "email_bounces"):
        labels = {"table": table, "what": "removed"}
        assert registry.get_sample_value("test_retention_rows_total", labels) == 2
