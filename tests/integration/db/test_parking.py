"""Parked messages go back to SQS when due, and are never in neither place."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from db import gates
from db.claims import Candidate, Claimed, Settled, claim
from db.ledger import Held, Why, park, record_unknown
from db.messages import status
from db.parking import DueMessage, fail, give_back, mark_dispatched, take_due
from db.states import MessageState
from db.suppressions import Suppression, add

JOB = {"id": "the job"}
WHY = Why("ACode", "a reason")
TOO_LARGE = Why("TooLarge", "It fits no queue.")
STREAMS = ["transactional", "marketing"]


def parked(engine: Engine, *, after_seconds: float = 0.0, stream: str = "transactional") -> Held:
    candidate = Candidate(id=uuid4(), stream=stream, recipients=["ada@example.com"], payload=JOB)
    won = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    held = Held(candidate.id, won.attempt)
    park(engine, held, WHY, payload=JOB, after_seconds=after_seconds, uses_attempt=True)
    return held


def take(engine: Engine, *, lease_seconds: float = 60.0) -> list[DueMessage]:
    return take_due(engine, STREAMS, most=10, lease_seconds=lease_seconds)


def state(engine: Engine, held: Held) -> str:
    found = status(engine, held.message_id)
    assert found is not None
    return found.state


def payload_of(engine: Engine) -> object:
    with engine.begin() as connection:
        return connection.scalar(text("SELECT payload FROM email_messages"))


def test_what_is_due_is_taken_with_its_job_and_once(engine: Engine) -> None:
    held = parked(engine)
    [due] = take(engine)
    assert (due.id, due.stream, due.payload) == (held.message_id, "transactional", JOB)
    assert take(engine) == []


def test_what_is_not_due_stays(engine: Engine) -> None:
    parked(engine, after_seconds=60)
    assert take(engine) == []


def test_an_unknown_outcome_is_never_sent_again_blindly(engine: Engine) -> None:
    candidate = Candidate(
        id=uuid4(), stream="transactional", recipients=["ada@example.com"], payload=JOB
    )
    won = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    record_unknown(engine, Held(candidate.id, won.attempt), WHY, payload=JOB, grace_seconds=0)
    assert take(engine) == []


def test_the_job_is_kept_until_it_lies_on_sqs(engine: Engine) -> None:
    parked(engine)
    due = take(engine)
    assert payload_of(engine) == JOB
    mark_dispatched(engine, due)
    assert payload_of(engine) is None


def test_a_dispatcher_that_dies_in_between_leaves_its_messages_to_the_next_one(
    engine: Engine,
) -> None:
    parked(engine)
    assert len(take(engine, lease_seconds=0)) == 1
    assert len(take(engine)) == 1


def test_a_job_that_comes_to_its_end_before_it_is_marked_is_kept_no_longer(engine: Engine) -> None:
    held = parked(engine)
    take(engine)
    add(engine, [Suppression(address="ada@example.com", reason="manual", source="test")])
    candidate = Candidate(held.message_id, "transactional", ["ada@example.com"], payload=JOB)
    found = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert found == Settled(MessageState.SUPPRESSED, by_this_claim=True)
    assert payload_of(engine) is None


def test_a_slow_dispatcher_cannot_drop_the_job_of_a_later_one(engine: Engine) -> None:
    parked(engine)
    slow = take(engine, lease_seconds=0)
    take(engine)
    mark_dispatched(engine, slow)
    assert payload_of(engine) == JOB


def test_what_was_taken_and_not_sent_can_be_given_back_and_is_due_at_once(engine: Engine) -> None:
    held = parked(engine)
    give_back(engine, take(engine))
    [again] = take(engine)
    assert (again.id, again.payload) == (held.message_id, JOB)


def test_what_is_given_back_may_have_to_wait(engine: Engine) -> None:
    held = parked(engine)
    give_back(engine, take(engine), after_seconds=60)
    assert take(engine) == []
    assert state(engine, held) == "parked"


def test_a_message_that_fits_no_queue_ends_with_its_reason_and_without_its_job(
    engine: Engine,
) -> None:
    held = parked(engine)
    assert fail(engine, take(engine), TOO_LARGE) == [held.message_id]
    found = status(engine, held.message_id)
    assert found is not None
    assert (found.state, found.outcome_code, found.outcome_reason, found.due_at) == (
        "failed",
        "TooLarge",
        "It fits no queue.",
        None,
    )
    assert payload_of(engine) is None


def test_a_slow_dispatcher_has_no_say_about_what_a_later_one_has_taken(engine: Engine) -> None:
    held = parked(engine)
    slow = take(engine, lease_seconds=0)
    take(engine)
    give_back(engine, slow)
    assert fail(engine, slow, TOO_LARGE) == []
    assert state(engine, held) == "queued"
    assert take(engine) == []


def test_a_dispatcher_has_no_say_about_what_a_worker_has_claimed(engine: Engine) -> None:
    held = parked(engine)
    taken = take(engine)
    candidate = Candidate(
        id=held.message_id, stream="transactional", recipients=["ada@example.com"], payload=JOB
    )
    assert isinstance(claim(engine, candidate, lease_seconds=60, grace_seconds=60), Claimed)
    give_back(engine, taken)
    assert fail(engine, taken, TOO_LARGE) == []
    assert state(engine, held) == "sending"


def test_giving_nothing_back_is_nothing(engine: Engine) -> None:
    give_back(engine, [])
    assert fail(engine, [], TOO_LARGE) == []


def test_a_dispatched_message_can_be_claimed_and_keeps_its_count_of_attempts(
    engine: Engine,
) -> None:
    held = parked(engine)
    mark_dispatched(engine, take(engine))
    candidate = Candidate(
        id=held.message_id, stream="transactional", recipients=["ada@example.com"], payload=JOB
    )
    again = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(again, Claimed)
    assert (again.attempt, again.attempts_used) == (2, 1)


@pytest.mark.parametrize(("scope", "expected"), [("*", 0), ("marketing", 1), ("transactional", 1)])
def test_a_shut_gate_keeps_its_streams_parked(engine: Engine, scope: str, expected: int) -> None:
    parked(engine)
    parked(engine, stream="marketing")
    gates.shut(engine, scope, reason="quota", seconds=60)
    assert len(take(engine)) == expected


def test_a_parked_message_says_when_and_why(engine: Engine) -> None:
    held = parked(engine, after_seconds=60)
    found = status(engine, held.message_id)
    assert found is not None
    assert (found.state, found.outcome_code, found.outcome_reason) == (
        "parked",
        "ACode",
        "a reason",
    )
    assert found.due_at is not None
