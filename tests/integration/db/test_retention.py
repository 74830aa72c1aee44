"""What is old enough goes, in batches; what is not over stays however old. Real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import retention
from db.states import FINAL, MessageState

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

DAY = 86_400.0


def message(
    engine: Engine, state: str = "delivered", *, created_days: float, changed_days: float
) -> UUID:
    message_id = uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_messages (id, stream, state, created_at, updated_at)"
                " VALUES (:id, 'marketing', :state, now() - make_interval(secs => :created),"
                " now() - make_interval(secs => :changed))"
            ),
            {
                "id": message_id,
                "state": state,
                "created": created_days * DAY,
                "changed": changed_days * DAY,
            },
        )
        connection.execute(
            text(
                "INSERT INTO email_recipients (message_id, address, state)"
                " VALUES (:id, 'ada@example.com', 'sent')"
            ),
            {"id": message_id},
        )
    return message_id


def event(engine: Engine, days: float, *, proves: str | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_events (identity, kind, occurred_at, received_at, raw, proves)"
                " VALUES (:identity, 'send', now(), now() - make_interval(secs => :age),"
                """ '{"to": "ada@example.com"}', :proves)"""
            ),
            {"identity": str(uuid4()), "age": days * DAY, "proves": proves},
        )


def rows(engine: Engine, sql: str) -> list[object]:
    with engine.begin() as connection:
        return list(connection.execute(text(sql)).scalars())


def retire(engine: Engine, *, most: int) -> int:
    return retention.remove(engine, retention.MESSAGES, older_than_seconds=40 * DAY, most=most).rows


def forget(engine: Engine, *, most: int = 10) -> int:
    return retention.remove_recipients(engine, older_than_seconds=40 * DAY, most=most).rows


def test_a_message_is_remembered_for_longer_than_who_got_it(engine: Engine) -> None:
    for days in (70, 60, 50):
        message(engine, created_days=days, changed_days=days)
    young = message(engine, created_days=39, changed_days=39)
    assert [forget(engine, most=2) for _ in range(3)] == [2, 1, 0]
    assert rows(engine, "SELECT message_id FROM email_recipients") == [young]
    assert rows(engine, "SELECT count(*) FROM email_messages") == [4]


@pytest.mark.parametrize("state", sorted(set(MessageState) - FINAL))
def test_who_is_to_get_a_message_yet_stays_however_old(engine: Engine, state: str) -> None:
    message(engine, state, created_days=4000, changed_days=4000)
    assert not forget(engine)


def test_who_got_a_message_lately_counts_however_long_ago_it_was_scheduled(engine: Engine) -> None:
    message(engine, created_days=400, changed_days=1)
    assert not forget(engine)


def test_a_message_that_is_over_goes_with_its_recipients(engine: Engine) -> None:
    message(engine, created_days=41, changed_days=41)
    young = message(engine, created_days=39, changed_days=39)
    removed = retention.remove(engine, retention.MESSAGES, older_than_seconds=40 * DAY, most=10)
    assert removed.rows == 1
    assert rows(engine, "SELECT id FROM email_messages") == [young]
    assert rows(engine, "SELECT message_id FROM email_recipients") == [young]


@pytest.mark.parametrize("state", sorted(set(MessageState) - FINAL))
def test_a_message_that_is_not_at_its_end_stays_however_old(engine: Engine, state: str) -> None:
    kept = message(engine, state, created_days=4000, changed_days=4000)
    assert not retire(engine, most=10)
    assert rows(engine, "SELECT id FROM email_messages") == [kept]


def test_a_message_scheduled_long_ago_is_remembered_from_its_end_on(engine: Engine) -> None:
    kept = message(engine, created_days=400, changed_days=1)
    assert not retire(engine, most=10)
    assert rows(engine, "SELECT id FROM email_messages") == [kept]


def test_a_batch_takes_the_oldest_and_no_more_than_it_may(engine: Engine) -> None:
    for days in (50, 60, 70, 80):
        message(engine, created_days=days, changed_days=days)
    assert [retire(engine, most=3) for _ in range(3)] == [3, 1, 0]


def test_what_stays_for_ever_does_not_hold_up_what_is_over(engine: Engine) -> None:
    for _ in range(3):
        message(engine, "held", created_days=100, changed_days=100)
    message(engine, created_days=50, changed_days=50)
    assert retire(engine, most=1) == 1


@pytest.mark.parametrize("most", [1, 2, 10])
def test_old_events_lose_what_ses_wrote_and_are_still_known(engine: Engine, most: int) -> None:
    for days in (95.0, 93.0, 93.0, 91.0, 89.0):
        event(engine, days)
    turns = 0
    while retention.empty_events(engine, older_than_seconds=90 * DAY, most=most).rows:
        turns += 1
    assert turns == -(-4 // most)
    contents = rows(engine, "SELECT raw::text FROM email_events ORDER BY received_at")
    assert contents == ["{}"] * 4 + ['{"to": "ada@example.com"}']


def test_events_of_one_moment_are_all_emptied_whatever_the_batch(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_events (identity, kind, occurred_at, received_at, raw)"
                " SELECT n::text, 'send', now(), now() - interval '95 days',"
                """ '{"to": "ada@example.com"}' FROM generate_series(1, 7) AS n"""
            )
        )
    counts = [
        retention.empty_events(engine, older_than_seconds=90 * DAY, most=3).rows for _ in range(4)
    ]
    assert counts == [3, 3, 1, 0]


def test_an_emptied_event_still_proves_that_ses_has_had_its_message(engine: Engine) -> None:
    event(engine, 95, proves='{"ada@example.com": "sent"}')
    retention.empty_events(engine, older_than_seconds=90 * DAY, most=10)
    assert rows(engine, "SELECT proves::text FROM email_events") == ["{}"]


@pytest.mark.parametrize(
    ("table", "insert"),
    [
        (
            retention.BOUNCES,
            (
                "INSERT INTO email_bounces (address, bounce_type, bounce_subtype, feedback_id,"
                " bounced_at) SELECT 'ada@example.com', 'Permanent', 'General', age::text,"
                " now() - age"
            ),
        ),
        (
            retention.COMPLAINTS,
            (
                "INSERT INTO email_complaints (address, feedback_id, complained_at)"
                " SELECT 'ada@example.com', age::text, now() - age"
            ),
        ),
        (
            retention.EVENTS,
            (
                "INSERT INTO email_events (identity, kind, occurred_at, received_at, raw)"
                " SELECT age::text, 'send', now(), now() - age, '{}'"
            ),
        ),
        (
            retention.DELIVERIES,
            (
                "INSERT INTO email_deliveries (address, mail, delivered_at)"
                " SELECT 'ada@example.com', age::text, now() - age"
            ),
        ),
        (
            retention.REFUSED,
            (
                "INSERT INTO refused_messages (queue, sqs_message_id, reason, body, last_seen_at)"
                " SELECT 'q', age::text, 'r', 'b', now() - age"
            ),
        ),
        (
            retention.SUPPRESSION_CHANGES,
            (
                "INSERT INTO email_suppression_changes (address, scope, action, source, changed_at)"
                " SELECT 'ada@example.com', '*', 'added', 'event', now() - age"
            ),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, retention.Table) else "",
)
def test_of_each_table_only_what_is_older_goes(
    engine: Engine, table: retention.Table, insert: str
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(insert + " FROM unnest(ARRAY[interval '39 days', interval '41 days']) AS a (age)")
        )
    assert retention.remove(engine, table, older_than_seconds=40 * DAY, most=10).rows == 1
    assert rows(engine, f"SELECT age({table.moment}) < '40 days' FROM {table.name}") == [True]  # noqa: S608


@pytest.mark.parametrize("table", retention.TABLES, ids=lambda table: table.name)
def test_what_is_old_is_found_by_an_index(engine: Engine, table: retention.Table) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_sort = off"))
        plan = "\n".join(
            connection.execute(
                text("EXPLAIN " + retention._REMOVE[table.name].text),
                {"seconds": 40 * DAY, "most": 1000},
            ).scalars()
        )
    assert f"Index Scan using {table.name}_{table.moment}" in plan
