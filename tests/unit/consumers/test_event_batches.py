"""A message that cannot be used is set aside; an outage is never taken for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import exc

from consumers import batches
from consumers.batches import is_about_the_data, understand
from consumers.errors import Refusal
from consumers.queues import QueueMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    Sample = Callable[[str], dict[str, Any]]


def message(body: object, number: int = 1) -> QueueMessage:
    written = body if isinstance(body, str) else json.dumps(body)
    return QueueMessage(f"id-{number}", f"receipt-{number}", written, datetime.now(UTC))


def test_one_illegible_message_harms_no_other(sample: Sample) -> None:
    batch = understand(
        [
            message(sample("send"), 1),
            message("illegible", 2),
            message(sample("sns_topic_validated"), 3),
            message(sample("delivery"), 4),
        ]
    )
    assert [each.message.id for each in batch.events] == ["id-1", "id-4"]
    assert [(each.message.id, each.refusal) for each in batch.refused] == [
        ("id-2", Refusal.NOT_JSON)
    ]
    assert len(batch.notices) == 1


def test_a_mistake_of_our_own_sets_one_message_aside(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object, **__: object) -> None:
        raise KeyError("ada@example.com")

    monkeypatch.setattr(batches, "read", mistaken)
    [refused] = understand([message(sample("send"))]).refused
    assert (refused.refusal, refused.reason) == (
        Refusal.UNEXPECTED,
        "Reading it failed: KeyError.",
    )


def database_error(kind: type[exc.DBAPIError], cause: psycopg.Error) -> exc.DBAPIError:
    return kind("INSERT", {}, cause)


@pytest.mark.parametrize(
    "error",
    [
        database_error(exc.DataError, psycopg.errors.NumericValueOutOfRange()),
        database_error(exc.DataError, psycopg.DataError("PostgreSQL text cannot contain NUL")),
        database_error(exc.IntegrityError, psycopg.errors.CheckViolation()),
        database_error(exc.OperationalError, psycopg.errors.ProgramLimitExceeded()),
        exc.StatementError("no such type", "INSERT", {}, TypeError()),
        UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed"),
        TypeError("not serialisable"),
    ],
)
def test_values_that_cannot_be_stored_are_to_blame_themselves(error: Exception) -> None:
    assert is_about_the_data(error)


@pytest.mark.parametrize(
    "error",
    [
        database_error(exc.OperationalError, psycopg.OperationalError("connection refused")),
        database_error(exc.OperationalError, psycopg.errors.AdminShutdown()),
        database_error(exc.OperationalError, psycopg.errors.QueryCanceled()),
        database_error(exc.OperationalError, psycopg.errors.DeadlockDetected()),
        database_error(exc.OperationalError, psycopg.errors.DiskFull()),
        database_error(exc.ProgrammingError, psycopg.errors.UndefinedTable()),
        database_error(exc.ProgrammingError, psycopg.errors.InsufficientPrivilege()),
        database_error(exc.InterfaceError, psycopg.InterfaceError("connection already closed")),
        exc.TimeoutError("the pool is exhausted"),
        ConnectionResetError(),
    ],
)
def test_an_outage_is_not_blamed_on_an_event(error: Exception) -> None:
    assert not is_about_the_data(error)


def test_a_poisonous_event_is_found_by_halving(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = understand([message(sample("send"), number) for number in range(512)])
    poison = batch.events[300].event
    calls: list[int] = []

    def store(_engine: Any, events: list[Any], *_: Any) -> list[Any]:
        calls.append(len(events))
        if any(each is poison for each in events):
            raise database_error(exc.DataError, psycopg.errors.NumericValueOutOfRange())
        return events

    stored: list[Any] = []
    monkeypatch.setattr(batches, "apply", store)
    engine: Any = None
    [refused] = batches.apply_apart(engine, batch.events, stored.append)
    assert refused.message.id == "id-300"
    assert sum(map(len, stored)) == 511
    assert len(calls) < 20
