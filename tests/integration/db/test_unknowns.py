"""Unknown outcomes are settled by proof, by policy or by a person, and never by a guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import events, refused, unknowns, watermarks
from db.claims import Candidate, Claimed, Settled, claim
from db.event_types import Event
from db.ledger import Held, Why, park, record_failed, record_sent, record_unknown, release
from db.messages import status
from db.parking import take_due
from db.states import EventKind, MessageState

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

JOB = {"id": "the job"}
WHY = Why("ReadTimeoutError", "The request left, but no answer came back.")
QUEUE = "mailsluice-events"


def candidate(*, provable: bool = True) -> Candidate:
    return Candidate(
        id=uuid4(),
        stream="transactional",
        recipients=["ada@example.com"],
        payload=JOB,
        provable=provable,
    )


def unknown(engine: Engine, *, provable: bool = True, grace_seconds: float = 0.0) -> UUID:
    each = candidate(provable=provable)
    won = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    held = Held(each.id, won.attempt)
    record_unknown(engine, held, WHY, payload=JOB, grace_seconds=grace_seconds)
    return each.id


def state(engine: Engine, message_id: UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def queue_was_empty_now(engine: Engine) -> None:
    watermarks.advance(engine, QUEUE, watermarks.moment(engine))


def test_silence_of_a_drained_event_queue_proves_that_ses_never_took_it(engine: Engine) -> None:
    message_id = unknown(engine)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == [message_id]
    [due] = take_due(engine, ["transactional"], most=10, lease_seconds=60)
    assert (due.id, due.payload) == (message_id, JOB)


def test_an_event_queue_that_was_last_empty_before_proves_nothing(engine: Engine) -> None:
    queue_was_empty_now(engine)
    message_id = unknown(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    assert state(engine, message_id) == "unknown"


def test_a_queue_that_was_never_seen_empty_proves_nothing(engine: Engine) -> None:
    unknown(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []


def test_of_several_event_queues_all_must_have_been_empty_since(engine: Engine) -> None:
    """Nobody can tell to which of them the event would have come."""
    both = [QUEUE, "arn:aws:sqs:us-east-1:123456789012:events"]
    watermarks.advance(engine, both[1], watermarks.moment(engine))
    message_id = unknown(engine)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=both) == []
    assert unknowns.resend_proven(engine, events_queues=[*both, "never drained"]) == []
    watermarks.advance(engine, both[1], watermarks.moment(engine))
    assert unknowns.resend_proven(engine, events_queues=[*both, "never drained"]) == []
    assert unknowns.resend_proven(engine, events_queues=[*both, QUEUE]) == [message_id]


def test_a_refused_message_of_any_event_queue_may_have_been_the_one(engine: Engine) -> None:
    message_id = unknown(engine)
    an_event_is_refused(engine)
    watermarks.advance(engine, "other", watermarks.moment(engine))
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=["other", QUEUE]) == []
    assert unknowns.hold_doubtful(engine, events_queues=["other", QUEUE]) == [message_id]


@pytest.mark.parametrize("came", ["before the outcome was known to be lost", "after it"])
def test_an_event_that_could_not_be_understood_may_have_been_the_one(
    engine: Engine, came: str
) -> None:
    each = abandoned(engine)
    if came != "after it":
        an_event_is_refused(engine)
    unknowns.sweep(engine, grace_seconds=0)
    claim(engine, each, lease_seconds=60, grace_seconds=60)
    if came == "after it":
        an_event_is_refused(engine)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    assert unknowns.hold_doubtful(engine, events_queues=[QUEUE]) == [each.id]
    assert state(engine, each.id) == "held"


def test_an_event_that_could_not_be_understood_earlier_is_about_other_mail(engine: Engine) -> None:
    an_event_is_refused(engine)
    message_id = unknown(engine)
    queue_was_empty_now(engine)
    assert unknowns.hold_doubtful(engine, events_queues=[QUEUE]) == []
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == [message_id]


def test_a_forged_message_puts_no_unknown_outcome_in_doubt(engine: Engine) -> None:
    message_id = unknown(engine)
    an_event_is_refused(engine, may_be_ours=False)
    queue_was_empty_now(engine)
    assert unknowns.hold_doubtful(engine, events_queues=[QUEUE]) == []
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == [message_id]


def test_what_a_refused_message_was_is_said_by_its_last_refusal(engine: Engine) -> None:
    """The settings by which it was forged were mended, and it was put on the queue again."""
    message_id = unknown(engine)
    an_event_is_refused(engine, may_be_ours=False)
    an_event_is_refused(engine)
    queue_was_empty_now(engine)
    assert unknowns.hold_doubtful(engine, events_queues=[QUEUE]) == [message_id]


def test_a_dead_letter_of_the_events_that_was_discarded_may_have_been_its_event(
    engine: Engine,
) -> None:
    message_id = unknown(engine)
    an_event_is_refused(engine, queue=f"{QUEUE}-dlq")
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    assert unknowns.hold_doubtful(engine, events_queues=[QUEUE]) == [message_id]


def an_event_is_refused(engine: Engine, *, may_be_ours: bool = True, queue: str = QUEUE) -> None:
    refused.keep(
        engine,
        queue=queue,
        sqs_message_id="1",
        reason="no JSON",
        body="?",
        may_be_ours=may_be_ours,
    )


def test_nothing_is_decided_within_the_grace_time(engine: Engine) -> None:
    for provable in (True, False):
        unknown(engine, provable=provable, grace_seconds=60)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    assert unknowns.resend_by_policy(engine, ["transactional"]) == []
    assert unknowns.hold_by_policy(engine, ["transactional"]) == []


def test_without_events_silence_proves_nothing_and_the_policy_decides(engine: Engine) -> None:
    message_id = unknown(engine, provable=False)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    assert unknowns.resend_by_policy(engine, ["marketing"]) == []
    assert unknowns.resend_by_policy(engine, ["transactional"]) == [message_id]
    assert state(engine, message_id) == "parked"


def test_with_events_the_policy_has_no_say(engine: Engine) -> None:
    unknown(engine)
    assert unknowns.hold_by_policy(engine, ["transactional"]) == []
    assert unknowns.resend_by_policy(engine, ["transactional"]) == []


def test_a_held_message_waits_for_a_person_who_may_send_it(engine: Engine) -> None:
    message_id = unknown(engine, provable=False)
    assert unknowns.hold_by_policy(engine, ["transactional"]) == [message_id]
    [held] = unknowns.held(engine, most=10)
    assert (held.id, held.code) == (message_id, "ReadTimeoutError")
    assert unknowns.release(engine, [message_id]) == [message_id]
    assert state(engine, message_id) == "parked"


def test_a_person_may_end_what_is_held_and_nothing_else(engine: Engine) -> None:
    held, other = unknown(engine, provable=False), unknown(engine)
    unknowns.hold_by_policy(engine, ["transactional"])
    assert unknowns.fail(engine, [held, other]) == [held]
    assert [state(engine, each) for each in (held, other)] == ["failed", "unknown"]


@pytest.mark.parametrize("all_of_them", [True, False])
def test_release_takes_ids_or_all(engine: Engine, *, all_of_them: bool) -> None:
    ids = [unknown(engine, provable=False) for _ in range(2)]
    unknowns.hold_by_policy(engine, ["transactional"])
    released = unknowns.release(engine, None if all_of_them else ids[:1])
    assert len(released) == (2 if all_of_them else 1)


def abandoned(engine: Engine) -> Candidate:
    each = candidate()
    claim(engine, each, lease_seconds=60, grace_seconds=60)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET lease_until = now() - interval '1s'"))
    return each


def test_an_abandoned_claim_is_found_and_its_job_attached_when_it_comes_back(
    engine: Engine,
) -> None:
    each = abandoned(engine)
    assert unknowns.sweep(engine, grace_seconds=0.0) == [each.id]
    queue_was_empty_now(engine)
    # The job still lies on SQS, and what is nowhere at hand cannot be sent again yet.
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == []
    found = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert found == Settled(MessageState.UNKNOWN, by_this_claim=True)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == [each.id]


def test_a_claim_that_is_still_held_is_not_swept(engine: Engine) -> None:
    claim(engine, candidate(), lease_seconds=60, grace_seconds=60)
    assert unknowns.sweep(engine, grace_seconds=0.0) == []


def test_a_sender_that_was_only_slow_may_still_say_that_ses_took_it(engine: Engine) -> None:
    each = abandoned(engine)
    unknowns.sweep(engine, grace_seconds=60)
    assert record_sent(engine, Held(each.id, 1), ses_message_id="ses-1")
    assert state(engine, each.id) == "sent"


def test_a_sender_that_was_only_slow_leaves_its_job_with_what_was_swept(engine: Engine) -> None:
    each = abandoned(engine)
    unknowns.sweep(engine, grace_seconds=60)
    # After this its SQS message is deleted: the ledger holds the only copy of the job.
    record_unknown(engine, Held(each.id, 1), WHY, payload=JOB, grace_seconds=0)
    queue_was_empty_now(engine)
    assert unknowns.resend_proven(engine, events_queues=[QUEUE]) == [each.id]


def test_a_sender_that_was_only_slow_may_still_say_that_ses_did_not_take_it(engine: Engine) -> None:
    refused_by_ses, to_be_retried = abandoned(engine), abandoned(engine)
    unknowns.sweep(engine, grace_seconds=60)
    assert record_failed(engine, Held(refused_by_ses.id, 1), WHY)
    held = Held(to_be_retried.id, 1)
    assert park(engine, held, WHY, payload=JOB, after_seconds=0, uses_attempt=True)
    [due] = take_due(engine, ["transactional"], most=10, lease_seconds=60)
    assert (due.id, due.payload) == (to_be_retried.id, JOB)
    assert state(engine, refused_by_ses.id) == "failed"


def test_no_other_word_of_a_slow_sender_counts_against_what_an_event_has_proved(
    engine: Engine,
) -> None:
    each = abandoned(engine)
    proof = Event("1", EventKind.SEND, datetime.now(UTC), {}, "ses-1", each.id)
    events.apply(engine, [proof])
    late = Held(each.id, 1)
    assert not record_failed(engine, late, WHY)
    assert not park(engine, late, WHY, payload=JOB, after_seconds=0, uses_attempt=True)
    assert not release(engine, late)
    assert state(engine, each.id) == "sent"


def test_what_waits_to_be_sent_again_is_settled_by_its_first_sender(engine: Engine) -> None:
    message_id = unknown(engine)
    queue_was_empty_now(engine)
    unknowns.resend_proven(engine, events_queues=[QUEUE])
    assert record_sent(engine, Held(message_id, 1), ses_message_id="late")
    assert state(engine, message_id) == "sent"
    assert take_due(engine, ["transactional"], most=10, lease_seconds=60) == []


def test_after_a_second_attempt_has_begun_the_first_one_has_no_say(engine: Engine) -> None:
    each = replace(candidate())
    won = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    first = Held(each.id, won.attempt)
    record_unknown(engine, first, WHY, payload=JOB, grace_seconds=0)
    queue_was_empty_now(engine)
    unknowns.resend_proven(engine, events_queues=[QUEUE])
    take_due(engine, ["transactional"], most=10, lease_seconds=60)
    claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert not record_sent(engine, first, ses_message_id="late")
