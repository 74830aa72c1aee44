"""What events put on the suppression list, for how long, where, and how it is remembered."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from config.suppression import SoftBounces, SuppressionPolicy
from db import event_suppressions
from db.claims import Claimed, Settled
from db.events import apply
from db.messages import status
from db.states import EventKind, RecipientState
from db.suppression_changes import history
from db.suppressions import EVERYWHERE, REASONS, Suppression, add, add_in, find, remove
from said import (
    DAY,
    NOW,
    a_claim,
    a_complaint,
    a_delivery,
    a_hard_bounce,
    a_sent_message,
    a_soft_bounce,
    an_event,
    an_unsubscribe,
)
from sandbox.waiting import until

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from db.event_types import Event

ADA = "ada@example.com"
BOB = "bob@example.com"
POLICY = SuppressionPolicy(
    soft_bounces=SoftBounces(limit=3, window=14 * DAY, lasts=(10 * DAY, 20 * DAY))
)


def entries(engine: Engine, address: str = ADA) -> dict[str, tuple[str, datetime | None]]:
    return {each.scope: (each.reason, each.expires_at) for each in find(engine, address)}


def may_mail(engine: Engine, stream: str, address: str = ADA) -> bool:
    found = a_claim(engine, [address], stream=stream)
    assert isinstance(found, Claimed | Settled)
    return isinstance(found, Claimed)


def soft_bounces(engine: Engine, *days_ago: float, address: str = ADA) -> list[Event]:
    """One a message, that many days ago each."""
    return [
        a_soft_bounce(a_sent_message(engine, address), address, at=NOW - each * DAY)
        for each in days_ago
    ]


def test_an_unsubscribe_stops_its_own_stream_and_no_other(engine: Engine) -> None:
    message_id = a_sent_message(engine, ADA, stream="marketing")
    apply(engine, [an_unsubscribe(message_id, ADA)], POLICY)
    assert entries(engine) == {"marketing": ("unsubscribe", None)}
    assert not may_mail(engine, "marketing")
    assert may_mail(engine, "transactional")


def test_the_stream_of_an_unmatched_unsubscribe_comes_with_its_tag(engine: Engine) -> None:
    apply(engine, [an_unsubscribe(uuid4(), ADA, stream="news")], POLICY)
    assert entries(engine) == {"news": ("unsubscribe", None)}


def test_an_unsubscribe_of_unknown_stream_stops_all_that_do_not_go_on_after_it(
    engine: Engine,
) -> None:
    policy = SuppressionPolicy(unsubscribe_streams=("marketing", "notifications"))
    apply(engine, [an_unsubscribe(uuid4(), ADA)], policy)
    assert entries(engine).keys() == {"marketing", "notifications"}


def test_a_complaint_stops_every_stream(engine: Engine) -> None:
    apply(engine, [a_complaint(a_sent_message(engine, ADA), ADA)], POLICY)
    assert entries(engine) == {EVERYWHERE: ("complaint", None)}


def test_a_complaint_leaves_alone_the_streams_that_the_operator_allows(engine: Engine) -> None:
    policy = SuppressionPolicy(complaint_streams=("marketing", "notifications"))
    apply(engine, [a_complaint(a_sent_message(engine, ADA), ADA)], policy)
    assert entries(engine).keys() == {"marketing", "notifications"}
    assert may_mail(engine, "transactional")


def test_hard_bounces_and_complaints_last_as_long_as_the_operator_says(engine: Engine) -> None:
    policy = SuppressionPolicy(bounce_lasts=90 * DAY, complaint_lasts=400 * DAY)
    apply(engine, [a_hard_bounce(a_sent_message(engine, ADA), ADA)], policy)
    assert entries(engine) == {EVERYWHERE: ("bounce", NOW + 90 * DAY)}
    apply(engine, [a_complaint(a_sent_message(engine, BOB), BOB)], policy)
    assert entries(engine, BOB) == {EVERYWHERE: ("complaint", NOW + 400 * DAY)}


def test_several_soft_bounces_suppress_for_a_while(engine: Engine) -> None:
    bounces = soft_bounces(engine, 3, 2, 1)
    assert apply(engine, bounces[:2], POLICY).suppressions == []
    [made] = apply(engine, bounces[2:], POLICY).suppressions
    assert (made.reason, made.expires_at) == ("soft_bounce", NOW + 9 * DAY)
    assert entries(engine) == {EVERYWHERE: ("soft_bounce", NOW + 9 * DAY)}
    assert not may_mail(engine, "transactional")


@pytest.mark.parametrize("in_the_ledger", [True, False])
def test_several_soft_bounces_of_one_message_count_once(
    engine: Engine, *, in_the_ledger: bool
) -> None:
    """SES may tell one bounce as an event and as a notification, each with its own feedback id."""
    message_id = a_sent_message(engine, ADA) if in_the_ledger else uuid4()
    told = [a_soft_bounce(message_id, ADA, at=NOW - days * DAY) for days in (3, 2.9, 2.8)]
    apply(engine, [*told, *soft_bounces(engine, 2)], POLICY)
    assert entries(engine) == {}
    apply(engine, soft_bounces(engine, 1), POLICY)
    assert entries(engine).keys() == {EVERYWHERE}


def test_a_second_form_of_a_bounce_counts_not_anew_once_a_person_has_lifted_it(
    engine: Engine,
) -> None:
    message_id = a_sent_message(engine, ADA)
    told = [a_soft_bounce(message_id, ADA, at=NOW - days * DAY) for days in (3, 2.9)]
    apply(engine, [told[0], *soft_bounces(engine, 2, 1)], POLICY)
    assert remove(engine, ADA, by="grace") == 1
    apply(engine, [told[1], *soft_bounces(engine, 0.5, 0.4)], POLICY)
    assert entries(engine) == {}


def test_soft_bounces_of_another_address_do_not_count(engine: Engine) -> None:
    apply(engine, soft_bounces(engine, 3, 2) + soft_bounces(engine, 1, address=BOB), POLICY)
    assert (entries(engine), entries(engine, BOB)) == ({}, {})


@pytest.mark.parametrize("delivery_first", [True, False])
def test_a_delivery_between_them_ends_the_count_whenever_its_event_comes(
    engine: Engine, *, delivery_first: bool
) -> None:
    bounces = soft_bounces(engine, 3, 2, 1)
    delivery = [a_delivery(a_sent_message(engine, ADA), ADA, at=NOW - 1.5 * DAY)]
    for batch in [delivery, bounces] if delivery_first else [bounces, delivery]:
        apply(engine, batch, POLICY)
    assert entries(engine) == {}


def test_a_delivery_that_bounced_after_all_ends_no_count(engine: Engine) -> None:
    """Servers take mail for a full mailbox, and send it back later."""
    bounces = soft_bounces(engine, 3, 2)
    message_id = a_sent_message(engine, ADA)
    apply(engine, [*bounces, a_delivery(message_id, ADA, at=NOW - DAY)], POLICY)
    apply(engine, [a_soft_bounce(message_id, ADA, at=NOW)], POLICY)
    assert entries(engine) == {EVERYWHERE: ("soft_bounce", NOW + 10 * DAY)}


def test_who_opens_a_message_ends_no_count(engine: Engine) -> None:
    message_id = a_sent_message(engine, ADA)
    proven = {ADA: RecipientState.DELIVERED}
    apply(engine, soft_bounces(engine, 3, 2, 1), POLICY)
    apply(engine, [an_event(EventKind.OPEN, message_id, recipients=proven)], POLICY)
    assert entries(engine).keys() == {EVERYWHERE}


def test_a_person_who_takes_an_address_off_begins_its_count_anew(engine: Engine) -> None:
    apply(engine, soft_bounces(engine, 3, 2, 1), POLICY)
    assert remove(engine, ADA, by="grace") == 1
    apply(engine, soft_bounces(engine, 0.5, 0.4), POLICY)
    assert entries(engine) == {}
    apply(engine, soft_bounces(engine, 0.3), POLICY)
    assert entries(engine).keys() == {EVERYWHERE}


def test_soft_bounces_weaken_no_stronger_entry(engine: Engine) -> None:
    bounces = soft_bounces(engine, 3, 2, 1)
    add(engine, [Suppression(ADA, "manual", "operator", note="asked by phone")])
    assert apply(engine, bounces, POLICY).suppressions == []
    assert entries(engine) == {EVERYWHERE: ("manual", None)}


def test_a_delivery_lifts_nothing_but_what_soft_bounces_made(engine: Engine) -> None:
    bounces = soft_bounces(engine, 3, 2, 1)
    bounced, delivered = a_sent_message(engine, ADA), a_sent_message(engine, ADA)
    apply(engine, bounces, POLICY)
    apply(engine, [a_hard_bounce(bounced, ADA)], POLICY)
    apply(engine, [a_delivery(delivered, ADA)], POLICY)
    assert entries(engine) == {EVERYWHERE: ("bounce", None)}


def test_every_change_is_remembered_with_its_cause(engine: Engine) -> None:
    bounces = soft_bounces(engine, 3, 2, 1)
    complaint = a_complaint(a_sent_message(engine, ADA), ADA)
    apply(engine, bounces, POLICY)
    apply(engine, [complaint], POLICY)
    remove(engine, ADA, by="grace", note="she asked")
    add(engine, [Suppression(ADA, "manual", "operator", by="grace")])

    told = history(engine, ADA)
    assert [(each.action, each.reason, each.by, each.source) for each in told] == [
        ("added", "soft_bounce", None, "event"),
        ("changed", "complaint", None, "event"),
        ("removed", None, "grace", "operator"),
        ("added", "manual", "grace", "operator"),
    ]
    assert told[0].event in {each.identity for each in bounces}
    assert (told[1].event, told[1].message_id) == (complaint.identity, complaint.message_id)
    assert [each.entry_reason for each in told] == ["soft_bounce", "complaint", None, "manual"]
    assert told[2].note == "she asked"
    assert all(each.changed_at for each in told)


def test_a_suppression_that_a_delivery_lifts_is_remembered_too(engine: Engine) -> None:
    late = a_sent_message(engine, ADA)
    apply(engine, soft_bounces(engine, 3, 2, 1), POLICY)
    delivery = a_delivery(late, ADA)
    apply(engine, [delivery], POLICY)
    assert [(each.action, each.event) for each in history(engine, ADA)][1:] == [
        ("removed", delivery.identity)
    ]


def test_what_is_delivered_again_is_remembered_once(engine: Engine) -> None:
    events = [
        a_hard_bounce(a_sent_message(engine, ADA), ADA),
        *soft_bounces(engine, 3, 2, 1, address=BOB),
    ]
    for _ in range(3):
        apply(engine, events + events, POLICY)
    assert len(history(engine, ADA)) == 1
    assert len(history(engine, BOB)) == 1


def test_a_change_and_its_memory_are_one_transaction(engine: Engine) -> None:
    bounce = a_hard_bounce(a_sent_message(engine, ADA), ADA)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE email_suppression_changes ADD CHECK (scope <> '*')"))
    with pytest.raises(Exception, match="CheckViolation"):
        apply(engine, [bounce], POLICY)
    assert (entries(engine), history(engine, ADA)) == ({}, [])


def test_concurrent_consumers_lose_no_count_and_do_not_deadlock(engine: Engine) -> None:
    """Each brings one soft bounce of each of the same addresses, all at the same time."""
    addresses = [f"n{number}@example.com" for number in range(12)]
    ids = [a_sent_message(engine, *addresses) for _ in range(3)]
    batches = [
        [a_soft_bounce(each, address, at=NOW - DAY) for address in addresses] for each in ids
    ]
    for number, batch in enumerate(batches):
        for each in batch:
            object.__setattr__(each, "identity", f"{number}:{each.bounces[0].address}")
            object.__setattr__(each.bounces[0], "feedback_id", each.identity)
    start = threading.Barrier(3)
    failed: list[Exception] = []

    def drain(batch: list[Event]) -> None:
        start.wait()
        try:
            for half in (batch[::2], batch[1::2]):
                apply(engine, half, POLICY)
        except Exception as error:  # noqa: BLE001  told below
            failed.append(error)

    threads = [
        threading.Thread(target=drain, args=(batch[:: (-1) ** number],))
        for number, batch in enumerate(batches)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for address in addresses:
        assert entries(engine, address) == {EVERYWHERE: ("soft_bounce", NOW + 9 * DAY)}
        assert len(history(engine, address)) == 1


@pytest.mark.parametrize("late", ["bounce", "delivery"])
def test_a_consumer_that_has_counted_but_not_committed_is_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Else neither sees the other's bounce, and a delivery does not lift what is not there yet."""
    bounces = soft_bounces(engine, 3, 2, 1)
    delivery = a_delivery(a_sent_message(engine, ADA), ADA)
    apply(engine, bounces[:1] if late == "bounce" else bounces[:2], POLICY)
    counted, commit = threading.Event(), threading.Event()

    def slow_add(connection: Connection, entries: list[Suppression]) -> list[Suppression]:
        added = add_in(connection, entries)
        if threading.current_thread() is slow:
            counted.set()
            assert commit.wait(40)
        return added

    monkeypatch.setattr(event_suppressions, "add_in", slow_add)
    first, second = (bounces[1], bounces[2]) if late == "bounce" else (bounces[2], delivery)
    slow = threading.Thread(target=apply, args=(engine, [first], POLICY), daemon=True)
    quick = threading.Thread(target=apply, args=(engine, [second], POLICY), daemon=True)
    slow.start()
    assert counted.wait(20)
    quick.start()
    until(lambda: is_waiting(engine) or not quick.is_alive(), "the second waits or is done")
    commit.set()
    slow.join()
    quick.join()
    expected = {EVERYWHERE: ("soft_bounce", NOW + 9 * DAY)}
    assert entries(engine) == (expected if late == "bounce" else {})


def is_waiting(engine: Engine) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return connection.scalar(text(waiting)) > 0


def a_life(engine: Engine, ada: str, bob: str) -> list[Event]:
    """Everything that SES may say about messages to two people."""
    ids = [a_sent_message(engine, ada, bob) for _ in range(5)]
    return [
        *(an_event(kind, ids[0], identity=f"{kind}:{ids[0]}") for kind in EventKind),
        *(a_soft_bounce(each, ada, at=NOW - n * DAY) for n, each in enumerate(ids)),
        a_delivery(ids[1], ada, at=NOW - 5 * DAY),
        a_delivery(ids[0], bob, at=NOW - 3 * DAY),
        *(a_soft_bounce(each, bob, at=NOW - n * DAY) for n, each in enumerate(ids[1:])),
        an_unsubscribe(ids[2], bob),
    ]


def outcome(engine: Engine, life: list[Event], *addresses: str) -> object:
    found = [status(engine, each) for each in sorted({each.message_id for each in life})]  # type: ignore[type-var]
    states = {each.id: (each.state, each.recipients) for each in found if each}
    return states, [entries(engine, each) for each in addresses]


@given(data=st.data())
@examples(
    max_examples=25,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_and_multiplicity_of_events_ends_in_the_same_list_and_states(
    engine: Engine, data: st.DataObject
) -> None:
    ada, bob = f"{uuid4()}@example.com", f"{uuid4()}@example.com"
    life = a_life(engine, ada, bob)
    numbers = list(range(len(life)))
    order = data.draw(st.permutations(numbers)) + data.draw(st.lists(st.sampled_from(numbers)))
    while order:
        size = data.draw(st.integers(1, 8))
        apply(engine, [life[number] for number in order[:size]], POLICY)
        order = order[size:]
    states, listed = outcome(engine, life, ada, bob)
    assert states == {
        each: (
            "complained" if each == life[0].message_id else "bounced",
            {
                ada: "bounced",
                bob: "delivered" if each == life[0].message_id else "bounced",
            },
        )
        for each in states
    }
    # The one delivery to Ada bounced after all; that to Bob ended a count.
    assert listed == [
        {EVERYWHERE: ("soft_bounce", NOW + 8 * DAY)},
        {"marketing": ("unsubscribe", None), EVERYWHERE: ("soft_bounce", NOW + 10 * DAY)},
    ]


wishes = st.tuples(
    st.sampled_from(REASONS),
    st.sampled_from([EVERYWHERE, "marketing"]),
    st.one_of(st.none(), st.integers(1, 5)),
)


@given(batches=st.lists(st.lists(wishes, max_size=4), max_size=5))
@examples(
    max_examples=40,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_row_of_wishes_leaves_the_strongest_reason_and_the_longest_time(
    engine: Engine, batches: list[list[tuple[str, str, int | None]]]
) -> None:
    address = f"{uuid4()}@example.com"
    known: dict[str, tuple[str, datetime | None]] = {}
    for batch in batches:
        before = dict(known)
        for reason, scope, days in batch:
            until = NOW + days * DAY if days else None
            held, held_until = known.get(scope, (reason, until))
            known[scope] = (
                max(held, reason, key=REASONS.index),
                None if None in (until, held_until) else max(until, held_until),  # type: ignore[type-var]
            )
        told = [
            Suppression(
                address, reason, "test", scope=scope, expires_at=NOW + days * DAY if days else None
            )
            for reason, scope, days in batch
        ]
        changed = {each.scope for each in add(engine, told)}
        assert entries(engine, address) == known
        assert changed == {scope for scope in known if known[scope] != before.get(scope)}
    last = {
        each.scope: (each.entry_reason, each.entry_expires_at) for each in history(engine, address)
    }
    assert last == known
