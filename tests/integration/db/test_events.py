"""Events settle messages in any order and any number, and take effect exactly once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from db.claims import Candidate, Claimed, Settled, claim
from db.event_types import Bounce, Complaint, Event
from db.events import apply
from db.ledger import Held, Why, record_failed, record_sent, record_unknown
from db.messages import status
from db.states import EventKind, RecipientState
from db.suppressions import Suppression, find
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
SES_ID = "0102018f-send-000000"
THEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_sent_message(
    engine: Engine, *, ses_message_id: str | None = SES_ID, to: Sequence[str] = (ADA,)
) -> UUID:
    message_id = uuid4()
    won = take(engine, message_id, to)
    assert isinstance(won, Claimed)
    if ses_message_id:
        record_sent(engine, Held(message_id, won.attempt), ses_message_id=ses_message_id)
    return message_id


def take(engine: Engine, message_id: UUID, to: Sequence[str] = (ADA,)) -> object:
    candidate = Candidate(id=message_id, stream="marketing", recipients=to, payload={"id": "job"})
    return claim(engine, candidate, lease_seconds=60, grace_seconds=300)


def event(kind: EventKind, message_id: UUID | None, **parts: object) -> Event:
    common = {
        "identity": f"{kind}:{message_id}",
        "kind": kind,
        "occurred_at": THEN,
        "raw": {"kind": kind},
        "ses_message_id": SES_ID,
        "message_id": message_id,
    }
    return Event(**{**common, **parts})


def a_bounce(message_id: UUID | None, address: str = ADA, **parts: object) -> Event:
    bounce = Bounce(address, "Permanent", "General", "feedback-1", THEN, status="5.1.1")
    suppression = Suppression(address, "bounce", "event", feedback_id="feedback-1")
    proven = {address: RecipientState.BOUNCED}
    about = {"bounces": [bounce], "suppressions": [suppression], "recipients": proven}
    return event(EventKind.BOUNCE, message_id, **{**about, **parts})


def a_complaint(message_id: UUID | None, address: str = ADA) -> Event:
    return event(
        EventKind.COMPLAINT,
        message_id,
        recipients={address: RecipientState.COMPLAINED},
        complaints=[Complaint(address, "feedback-2", THEN, complaint_type="abuse")],
        suppressions=[Suppression(address, "complaint", "event", feedback_id="feedback-2")],
    )


def a_delivery(message_id: UUID | None, address: str = ADA, **parts: object) -> Event:
    proven = {address: RecipientState.DELIVERED}
    return event(EventKind.DELIVERY, message_id, **{"recipients": proven, **parts})


def state_of(engine: Engine, message_id: UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608  ours


def test_a_lost_answer_is_settled_by_the_send_event(engine: Engine) -> None:
    message_id = a_sent_message(engine, ses_message_id=None)
    held = Held(message_id, 1)
    why = Why("ReadTimeoutError", "no answer")
    record_unknown(engine, held, why, payload={"id": "job"}, grace_seconds=300)

    apply(engine, [event(EventKind.SEND, message_id)])

    found = status(engine, message_id)
    assert found is not None
    assert (found.state, found.ses_message_id) == ("sent", SES_ID)
    assert isinstance(take(engine, message_id), Settled)


def test_an_event_before_the_record_settles_the_message_and_the_record_changes_nothing(
    engine: Engine,
) -> None:
    message_id = a_sent_message(engine, ses_message_id=None)
    apply(engine, [a_delivery(message_id)])
    assert state_of(engine, message_id) == "delivered"
    assert record_sent(engine, Held(message_id, 1), ses_message_id=SES_ID)
    assert state_of(engine, message_id) == "delivered"


def test_a_message_thought_failed_was_sent_if_ses_says_so(engine: Engine) -> None:
    message_id = a_sent_message(engine, ses_message_id=None)
    record_failed(engine, Held(message_id, 1), Why("AnError", "a reason"))
    apply(engine, [event(EventKind.SEND, message_id)])
    assert state_of(engine, message_id) == "sent"


def test_a_redelivered_event_changes_and_counts_nothing(engine: Engine) -> None:
    message_id = a_sent_message(engine)
    first = apply(engine, [a_bounce(message_id), a_complaint(message_id)])
    assert (len(first.events), len(first.bounces), len(first.complaints)) == (2, 1, 1)
    assert [each.reason for each in first.suppressions] == ["complaint"]

    again = apply(engine, [a_complaint(message_id), a_bounce(message_id), a_bounce(message_id)])

    assert (again.events, again.unmatched, again.bounces) == ([], [], [])
    assert (again.complaints, again.suppressions) == ([], [])
    assert rows(engine, "email_events") == 2


def test_an_event_without_our_tag_is_matched_by_the_id_of_ses(engine: Engine) -> None:
    message_id = a_sent_message(engine)
    applied = apply(engine, [a_bounce(None)])
    assert applied.unmatched == []
    assert state_of(engine, message_id) == "bounced"
    assert [each.message_id for each in find(engine, ADA)] == [message_id]


def test_an_event_matched_by_the_id_of_ses_is_in_the_timeline_of_its_message(
    engine: Engine,
) -> None:
    message_id = a_sent_message(engine)
    apply(engine, [a_delivery(None)])
    found = status(engine, message_id)
    assert found is not None
    assert [each.kind for each in found.events] == ["delivery"]


def test_an_event_that_matches_no_message_suppresses_and_is_kept(engine: Engine) -> None:
    applied = apply(engine, [a_bounce(None), a_delivery(uuid4())])
    assert len(applied.unmatched) == 2
    assert [each.reason for each in find(engine, ADA)] == ["bounce"]
    assert (rows(engine, "email_events"), rows(engine, "email_bounces")) == (2, 1)


def test_an_event_that_matched_nothing_is_joined_when_it_comes_again_with_our_tag(
    engine: Engine,
) -> None:
    """SES publishes one bounce in two forms; the one without tags may outrun the record."""
    message_id = a_sent_message(engine, ses_message_id=None)
    untagged = a_bounce(None, identity="the same")
    tagged = a_bounce(message_id, identity="the same")

    assert len(apply(engine, [untagged]).unmatched) == 1
    joined = apply(engine, [tagged])

    assert (joined.events, joined.bounces) == ([], [])
    found = status(engine, message_id)
    assert found is not None
    assert (found.state, found.recipients) == ("bounced", {ADA: "bounced"})
    assert [each.kind for each in found.events] == ["bounce"]


@pytest.mark.parametrize("tagged_first", [True, False])
def test_of_one_event_in_both_forms_the_tagged_one_decides(
    engine: Engine, *, tagged_first: bool
) -> None:
    message_id = a_sent_message(engine, ses_message_id=None)
    both = [a_bounce(None, identity="the same"), a_bounce(message_id, identity="the same")]
    apply(engine, both[::-1] if tagged_first else both)
    assert state_of(engine, message_id) == "bounced"


def test_each_recipient_has_a_state_of_its_own(engine: Engine) -> None:
    message_id = a_sent_message(engine, to=(ADA, BOB))
    apply(engine, [a_bounce(message_id, ADA), a_delivery(message_id, BOB)])
    found = status(engine, message_id)
    assert found is not None
    assert found.state == "bounced"
    assert found.recipients == {ADA: "bounced", BOB: "delivered"}


def test_raw_events_are_kept_whatever_characters_they_hold(engine: Engine) -> None:
    raw = {"text": "a\x00b \ud800 \U0001f600", "\x00": [1.5, None, True]}
    apply(engine, [event(EventKind.UNRECOGNISED, None, raw=raw)])
    with engine.connect() as connection:
        kept = connection.scalar(text("SELECT raw FROM email_events"))
    assert kept == raw


@pytest.mark.parametrize(
    "written",
    [
        '{ "a": "\\u0000\\ud800", "b": [1.50, 1e3] }',
        '{"a": "\ud800", "b": "é"}',
        '{"a": 1, "a": 2}',
    ],
)
def test_the_text_of_an_event_is_kept_as_it_came_or_as_it_was_understood(
    engine: Engine, written: str
) -> None:
    raw = json.loads(written)
    others = [a_delivery(uuid4()), a_bounce(None)]
    told = event(EventKind.OPEN, uuid4(), raw=raw, raw_text=written)
    assert len(apply(engine, [*others, told]).events) == 3
    with engine.connect() as connection:
        kept = connection.scalar(text("SELECT raw FROM email_events WHERE kind = 'open'"))
    assert kept == raw


def test_a_batch_may_name_any_number_of_recipients(engine: Engine) -> None:
    """More values than PostgreSQL takes parameters in one statement."""
    bounces = [
        Bounce(f"{number}@example.com", "Permanent", "General", "feedback", THEN)
        for number in range(6000)
    ]
    applied = apply(engine, [event(EventKind.BOUNCE, None, bounces=bounces)])
    assert len(applied.bounces) == 6000


def test_batches_that_overlap_in_opposite_orders_both_come_through(engine: Engine) -> None:
    ids = [a_sent_message(engine, ses_message_id=f"ses-{number}") for number in range(20)]
    events = [a_delivery(message_id, ses_message_id=None) for message_id in ids]
    start = threading.Barrier(4)
    counted: list[int] = []

    def drain(batch: list[Event]) -> None:
        start.wait()
        counted.append(len(apply(engine, batch).events))

    threads = [threading.Thread(target=drain, args=(events[:: (-1) ** n],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted) == 20
    assert {state_of(engine, message_id) for message_id in ids} == {"delivered"}


def test_batches_in_opposite_orders_that_meet_in_the_middle_both_come_through(
    engine: Engine,
) -> None:
    """Somebody holds the middle one, until each of them has gone as far as it can."""
    look_up_as_in_a_large_ledger(engine)
    events = [a_delivery(a_sent_message(engine, ses_message_id=f"ses-{n}")) for n in range(9)]
    events.sort(key=lambda each: each.identity)
    counted: list[int] = []

    def drain(batch: list[Event]) -> None:
        counted.append(len(apply(engine, batch).events))

    threads = [threading.Thread(target=drain, args=(each,)) for each in (events, events[::-1])]
    with engine.connect() as somebody:
        somebody.execute(
            text(
                "INSERT INTO email_events (identity, kind, occurred_at, raw) "
                "VALUES (:identity, 'delivery', now(), '{}')"
            ),
            {"identity": events[4].identity},
        )
        for thread in threads:
            thread.start()
        until(lambda: waiting_for_locks(engine) == 2, "both wait")
        somebody.rollback()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [0, len(events)]


def look_up_as_in_a_large_ledger(engine: Engine) -> None:
    """By index, row by row: that of a few messages is read as a whole, and in its own order."""
    with engine.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        for way in ("hashjoin", "mergejoin"):
            connection.execute(text(f'ALTER DATABASE "{name}" SET enable_{way} = off'))
    engine.dispose()


def waiting_for_locks(engine: Engine) -> int:
    """How many wait for somebody, in this test's own database."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with engine.connect() as connection:
        return connection.scalar(text(waiting)) or 0


def a_life(message_id: UUID, address: str) -> list[Event]:
    """Everything that SES can say of one message."""
    return [
        event(EventKind.SEND, message_id, recipients={address: RecipientState.SENT}),
        a_delivery(message_id, address),
        event(EventKind.DELIVERY_DELAY, message_id, recipients={address: RecipientState.DELAYED}),
        a_bounce(message_id, address),
        event(EventKind.OPEN, message_id, recipients={address: RecipientState.DELIVERED}),
        a_complaint(message_id, address),
    ]


@given(batches=st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=4), sent=st.booleans())
@examples(
    max_examples=40,
    deadline=timedelta(seconds=2),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_and_multiplicity_of_events_ends_in_the_same_state(
    engine: Engine, batches: list[list[int]], *, sent: bool
) -> None:
    address = f"{uuid4()}@example.com"
    message_id = a_sent_message(engine, ses_message_id=address if sent else None, to=(address,))
    life = a_life(message_id, address)
    for batch in [*batches, range(len(life))]:
        apply(engine, [life[number] for number in batch])
    found = status(engine, message_id)
    assert found is not None
    assert (found.state, found.recipients) == ("complained", {address: "complained"})
    assert len(found.events) == len(life)
    assert [each.reason for each in find(engine, address)] == ["complaint"]
