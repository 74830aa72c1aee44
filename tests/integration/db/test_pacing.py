"""One schedule for all: tokens are recipients, and the answer is how long to wait."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from db import accounts, pacing
from db.accounts import AccountReading
from db.pacing import Full, NoRate, Reserved, Terms

if TYPE_CHECKING:
    from datetime import datetime

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
PATIENT = Terms(REGION, "transactional", ahead_seconds=100.0, share=0.3, utilisation=1.0)
SAVING = replace(PATIENT, utilisation=0.98)
BULK = Terms(REGION, "marketing", ahead_seconds=0.1, share=0.1, utilisation=1.0)


@pytest.fixture(autouse=True)
def _region(engine: Engine) -> None:
    pacing.ensure(engine, REGION)


def waits(engine: Engine, *tokens: int, terms: Terms = PATIENT) -> list[float]:
    answers = [pacing.reserve(engine, terms, each) for each in tokens]
    return [answer.wait_seconds for answer in answers if isinstance(answer, Reserved)]


def read(engine: Engine, **changes: float) -> None:
    accounts.save(engine, replace(READING, **changes))


def about(*seconds: float) -> object:
    return pytest.approx(list(seconds), abs=0.12)


def test_without_a_reading_of_the_account_nothing_is_reserved(engine: Engine) -> None:
    assert pacing.reserve(engine, PATIENT, 1) == NoRate()


def test_tokens_come_one_after_the_other_at_the_accounts_rate(engine: Engine) -> None:
    read(engine, max_send_rate=2.0)
    assert waits(engine, 1, 1, 1) == about(0.0, 0.5, 1.0)


def test_a_message_to_many_takes_a_token_for_each(engine: Engine) -> None:
    read(engine)
    assert waits(engine, 50, 1) == about(0.0, 5.0)


def test_a_block_says_how_far_apart_its_tokens_are(engine: Engine) -> None:
    read(engine)
    answer = pacing.reserve(engine, PATIENT, 5)
    assert isinstance(answer, Reserved)
    assert answer.seconds_per_token == pytest.approx(0.1)


def test_the_schedule_follows_the_account(engine: Engine) -> None:
    read(engine)
    read(engine, max_send_rate=1.0)
    assert waits(engine, 1, 1) == about(0.0, 1.0)


def test_an_operators_limit_below_the_accounts_holds(engine: Engine) -> None:
    read(engine)
    assert waits(engine, 1, 1, terms=replace(PATIENT, most_per_second=2.0)) == about(0.0, 0.5)


def test_only_the_configured_part_of_the_rate_is_used(engine: Engine) -> None:
    read(engine)
    assert waits(engine, 10, 1, terms=replace(PATIENT, utilisation=0.5)) == about(0.0, 2.0)


def test_nobody_reserves_further_ahead_than_allowed(engine: Engine) -> None:
    read(engine)
    impatient = replace(PATIENT, ahead_seconds=1.0)
    pacing.reserve(engine, impatient, 30)
    answer = pacing.reserve(engine, impatient, 1)
    assert isinstance(answer, Full)
    assert answer.wait_seconds == pytest.approx(2.0, abs=0.12)


def test_a_campaign_delays_a_password_reset_by_a_moment_only(engine: Engine) -> None:
    read(engine, max_send_rate=100.0)
    while isinstance(pacing.reserve(engine, BULK, 1), Reserved):
        pass
    [wait] = waits(engine, 1)
    assert wait < 0.2


def test_a_busy_high_stream_leaves_the_others_their_share(engine: Engine) -> None:
    read(engine, max_send_rate=100.0)
    pacing.reserve(engine, PATIENT, 30)
    assert isinstance(pacing.reserve(engine, BULK, 1), Reserved)
    assert isinstance(pacing.reserve(engine, BULK, 1), Full)


def test_idle_time_is_not_saved_up(engine: Engine) -> None:
    read(engine, max_send_rate=2.0)
    with engine.begin() as connection:
        connection.execute(text("UPDATE pacers SET next_free_at = now() - interval '1 hour'"))
    assert waits(engine, 1, 1)[1] > 0.3


def test_a_throttle_slows_everyone_and_the_rate_comes_back_by_itself(engine: Engine) -> None:
    read(engine)
    pacing.throttle(engine, REGION)
    slowed = pacing.reserve(engine, PATIENT, 1)
    assert isinstance(slowed, Reserved)
    assert slowed.wait_seconds == pytest.approx(0.5, abs=0.12)
    assert slowed.seconds_per_token == pytest.approx(0.1 / pacing.THROTTLED_FACTOR, rel=0.05)
    with engine.begin() as connection:
        connection.execute(text("UPDATE pacers SET throttled_at = now() - interval '10 seconds'"))
    later = pacing.reserve(engine, PATIENT, 1)
    assert isinstance(later, Reserved)
    assert later.seconds_per_token < slowed.seconds_per_token
    assert later.seconds_per_token == pytest.approx(
        0.1 / (pacing.THROTTLED_FACTOR + 10 * pacing.RECOVERY_PER_SECOND), rel=0.05
    )


def test_many_throttles_at_once_count_as_one(engine: Engine) -> None:
    read(engine)
    for _ in range(5):
        pacing.throttle(engine, REGION)
    answer = pacing.reserve(engine, PATIENT, 1)
    assert isinstance(answer, Reserved)
    assert answer.seconds_per_token == pytest.approx(0.1 / pacing.THROTTLED_FACTOR, rel=0.05)


def test_many_reservations_at_once_each_move_the_schedule_on(engine: Engine) -> None:
    read(engine)
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


def tokens_scheduled(engine: Engine, *lapsed: int) -> float:
    """By how many tokens reservations of ten each move the schedule on."""
    pacing.reserve(engine, SAVING, 1000)
    before = next_free_at(engine)
    for each in lapsed:
        assert isinstance(pacing.reserve(engine, SAVING, 10, lapsed=each), Reserved)
    seconds = (next_free_at(engine) - before).total_seconds()
    return seconds * 1000 * SAVING.utilisation


def next_free_at(engine: Engine) -> datetime:
    with engine.connect() as connection:
        at: datetime = connection.execute(text("SELECT next_free_at FROM pacers")).scalar_one()
    return at


def test_tokens_that_lapsed_are_issued_anew(engine: Engine) -> None:
    read(engine, max_send_rate=1000.0)
    assert tokens_scheduled(engine, 0, 2, 0) == pytest.approx(28, abs=0.1)


def test_however_many_lapse_only_a_few_are_issued_anew(engine: Engine) -> None:
    read(engine, max_send_rate=1000.0)
    most = 1000 * (1 - SAVING.utilisation) * pacing.RETURNED_AT_ONCE
    assert 50 - most <= tokens_scheduled(engine, 9, 9, 9, 9, 9) <= 49.1


def test_where_the_whole_rate_is_scheduled_nothing_is_issued_anew(engine: Engine) -> None:
    read(engine, max_send_rate=1000.0)
    pacing.reserve(engine, PATIENT, 1000)
    before = next_free_at(engine)
    pacing.reserve(engine, PATIENT, 10, lapsed=9)
    assert (next_free_at(engine) - before).total_seconds() == pytest.approx(0.01, abs=0.0001)
