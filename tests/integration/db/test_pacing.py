"""One schedule for all: tokens are recipients, and the answer is how long to wait."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from db import accounts, pacing
from db.accounts import AccountReading
from db.pacing import Full, NoRate, Reserved

if TYPE_CHECKING:
    from sqlalchemy import Engine

REGION = "eu-west-1"
READING = AccountReading(
    region=REGION,
    max_send_rate=10.0,
    max_24_hour_send=50_000.0,
    sent_last_24_hours=0.0,
    sending_enabled=True,
    production_access=True,
    enforcement_status="HEALTHY",
)


@pytest.fixture(autouse=True)
def _region(engine: Engine) -> None:
    pacing.ensure(engine, REGION)


def reserve(
    engine: Engine, tokens: int = 1, *, ahead_seconds: float = 100.0, most: float | None = None
) -> Reserved | Full | NoRate:
    return pacing.reserve(
        engine,
        REGION,
        tokens=tokens,
        ahead_seconds=ahead_seconds,
        utilisation=1.0,
        most_per_second=most,
    )


def waits(engine: Engine, *tokens: int) -> list[float]:
    answers = [reserve(engine, each) for each in tokens]
    return [answer.wait_seconds for answer in answers if isinstance(answer, Reserved)]


def test_without_a_reading_of_the_account_nothing_is_reserved(engine: Engine) -> None:
    assert reserve(engine) == NoRate()


def test_tokens_come_one_after_the_other_at_the_accounts_rate(engine: Engine) -> None:
    accounts.save(engine, READING)
    assert waits(engine, 1, 1, 1, 1) == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=0.09)


def test_a_message_to_many_takes_a_token_for_each(engine: Engine) -> None:
    accounts.save(engine, READING)
    assert waits(engine, 50, 1) == pytest.approx([0.0, 5.0], abs=0.09)


def test_the_schedule_follows_the_account(engine: Engine) -> None:
    accounts.save(engine, READING)
    accounts.save(engine, replace(READING, max_send_rate=1.0))
    assert waits(engine, 1, 1) == pytest.approx([0.0, 1.0], abs=0.09)


def test_an_operators_limit_below_the_accounts_holds(engine: Engine) -> None:
    accounts.save(engine, READING)
    reserve(engine, most=2.0)
    second = reserve(engine, most=2.0)
    assert isinstance(second, Reserved)
    assert second.wait_seconds == pytest.approx(0.5, abs=0.09)


def test_nobody_reserves_further_ahead_than_allowed(engine: Engine) -> None:
    accounts.save(engine, READING)
    reserve(engine, 30)
    answer = reserve(engine, ahead_seconds=1.0)
    assert isinstance(answer, Full)
    assert answer.wait_seconds == pytest.approx(2.0, abs=0.09)


def test_after_a_throttle_everyone_waits(engine: Engine) -> None:
    accounts.save(engine, READING)
    pacing.delay(engine, REGION, seconds=3.0)
    assert waits(engine, 1) == pytest.approx([3.0], abs=0.09)


def test_idle_time_is_not_saved_up(engine: Engine) -> None:
    accounts.save(engine, READING)
    reserve(engine, 1)
    assert waits(engine, 1, 1)[1] > 0.05


def test_many_reservations_at_once_each_move_the_schedule_on(engine: Engine) -> None:
    accounts.save(engine, READING)
    found: list[float] = []

    def take_some() -> None:
        for _ in range(25):
            found.extend(waits(engine, 1))

    threads = [threading.Thread(target=take_some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    # 200 tokens at 10 a second: had two threads ever got the same one, this would be less.
    assert waits(engine, 1)[0] > 15.0
