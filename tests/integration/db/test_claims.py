"""The claim decides in one statement who sends, and whether anyone may."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.claims import Busy, Candidate, Claimed, Settled, claim
from db.ledger import Held, Why, park, record_failed, record_sent, record_unknown, release
from db.messages import status
from db.states import MessageState
from db.suppressions import Suppression, add

if TYPE_CHECKING:
    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
JOB = {"id": "the job"}
WHY = Why("ACode", "a reason")


@pytest.fixture
def candidate() -> Candidate:
    return Candidate(id=uuid4(), stream="transactional", recipients=[ADA], payload=JOB)


def take(engine: Engine, candidate: Candidate) -> Claimed | Settled | Busy:
    return claim(engine, candidate, lease_seconds=60, grace_seconds=300)


def claimed(engine: Engine, candidate: Candidate) -> Held:
    won = take(engine, candidate)
    assert isinstance(won, Claimed)
    return Held(candidate.id, won.attempt)


def state_of(engine: Engine, candidate: Candidate) -> str:
    found = status(engine, candidate.id)
    assert found is not None
    return found.state


def let_the_lease_run_out(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET lease_until = now() - interval '1s'"))


def test_a_new_message_is_ours_to_send(engine: Engine, candidate: Candidate) -> None:
    assert take(engine, candidate) == Claimed(
        attempt=1, attempts_used=0, blocked=frozenset(), enqueued_at=None
    )
    assert state_of(engine, candidate) == "sending"


def test_a_message_in_somebodys_hands_is_left_alone(engine: Engine, candidate: Candidate) -> None:
    take(engine, candidate)
    second = take(engine, candidate)
    assert isinstance(second, Busy)
    assert 50 < second.seconds <= 60


def test_of_many_claims_at_once_exactly_one_wins(engine: Engine, candidate: Candidate) -> None:
    results: list[object] = []
    start = threading.Barrier(8)

    def race() -> None:
        start.wait()
        results.append(take(engine, candidate))

    racers = [threading.Thread(target=race) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(isinstance(result, Claimed) for result in results) == 1
    assert sum(isinstance(result, Busy) for result in results) == 7


def test_a_suppressed_recipient_is_never_mailed(engine: Engine, candidate: Candidate) -> None:
    add(engine, [Suppression(ADA, "bounce", "event")])
    assert take(engine, candidate) == Settled(MessageState.SUPPRESSED, by_this_claim=True)
    found = status(engine, candidate.id)
    assert found is not None
    assert found.recipients == {ADA: "suppressed"}


def test_of_several_recipients_only_the_suppressed_one_is_left_out(
    engine: Engine, candidate: Candidate
) -> None:
    add(engine, [Suppression(BOB, "complaint", "event")])
    won = take(engine, replace(candidate, recipients=[ADA, BOB]))
    assert isinstance(won, Claimed)
    assert won.blocked == {BOB}


def test_a_suppression_of_another_stream_or_one_that_has_expired_does_not_count(
    engine: Engine, candidate: Candidate
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    add(
        engine,
        [
            Suppression(ADA, "unsubscribe", "event", scope="marketing"),
            Suppression(ADA, "bounce", "event", expires_at=yesterday),
        ],
    )
    assert isinstance(take(engine, candidate), Claimed)


def test_mail_that_is_too_late_is_not_sent(engine: Engine, candidate: Candidate) -> None:
    late = replace(candidate, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert take(engine, late) == Settled(MessageState.EXPIRED, by_this_claim=True)


def test_scheduled_mail_is_parked_until_its_time(engine: Engine, candidate: Candidate) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    scheduled = replace(candidate, send_at=tomorrow)
    assert take(engine, scheduled) == Settled(MessageState.PARKED, by_this_claim=True)
    found = status(engine, candidate.id)
    assert found is not None
    assert found.due_at == tomorrow


def test_a_lease_that_ran_out_makes_the_outcome_unknown_instead_of_sending_again(
    engine: Engine, candidate: Candidate
) -> None:
    take(engine, candidate)
    let_the_lease_run_out(engine)
    assert take(engine, candidate) == Settled(MessageState.UNKNOWN, by_this_claim=True)
    assert take(engine, candidate) == Settled(MessageState.UNKNOWN, by_this_claim=False)


def test_the_sender_whose_lease_ran_out_may_still_say_that_ses_took_it(
    engine: Engine, candidate: Candidate
) -> None:
    held = claimed(engine, candidate)
    let_the_lease_run_out(engine)
    take(engine, candidate)
    assert record_sent(engine, held, ses_message_id="ses-1")
    assert state_of(engine, candidate) == "sent"


@pytest.mark.parametrize("recorded", ["sent", "failed", "parked", "unknown"])
def test_after_an_outcome_a_redelivery_finds_nothing_to_do(
    engine: Engine, candidate: Candidate, recorded: str
) -> None:
    held = claimed(engine, candidate)
    if recorded == "sent":
        record_sent(engine, held, ses_message_id="ses-1")
    elif recorded == "failed":
        record_failed(engine, held, WHY)
    elif recorded == "parked":
        park(engine, held, WHY, payload=JOB, after_seconds=60, uses_attempt=True)
    else:
        record_unknown(engine, held, WHY, payload=JOB, grace_seconds=60)
    assert take(engine, candidate) == Settled(MessageState(recorded), by_this_claim=False)


def test_a_claim_given_back_can_be_taken_again_under_a_new_number(
    engine: Engine, candidate: Candidate
) -> None:
    held = claimed(engine, candidate)
    assert release(engine, held)
    again = take(engine, candidate)
    assert isinstance(again, Claimed)
    assert again.attempt == held.attempt + 1


def test_writes_under_an_old_number_change_nothing(engine: Engine, candidate: Candidate) -> None:
    old = claimed(engine, candidate)
    release(engine, old)
    claimed(engine, candidate)
    assert not record_sent(engine, old, ses_message_id="ses-1")
    assert not record_failed(engine, old, WHY)
    assert not park(engine, old, WHY, payload=JOB, after_seconds=1, uses_attempt=True)
    assert not record_unknown(engine, old, WHY, payload=JOB, grace_seconds=1)
    assert not release(engine, old)
    assert state_of(engine, candidate) == "sending"
