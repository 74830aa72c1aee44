"""Soft bounces and stronger reasons about one address: neither ends the other, in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from config.suppression import SoftBounces, SuppressionPolicy
from db.events import apply
from db.suppression_changes import history
from db.suppression_loading import loading
from db.suppressions import EVERYWHERE, Suppression, add, find, remove
from said import (
    DAY,
    NOW,
    a_complaint,
    a_delivery,
    a_hard_bounce,
    a_sent_message,
    a_soft_bounce,
    an_unsubscribe,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.event_types import Event

ADA = "ada@example.com"
# A bounce holds for five days, a complaint for six, soft bounces for ten.
POLICY = SuppressionPolicy(
    bounce_lasts=5 * DAY,
    complaint_lasts=6 * DAY,
    soft_bounces=SoftBounces(limit=2, window=14 * DAY, lasts=(10 * DAY, 20 * DAY)),
)
SOFT, HARD, COMPLAINED = NOW + 10 * DAY, NOW + 5 * DAY, NOW + 6 * DAY

Entry = tuple[str, datetime | None, datetime | None]


def entries(engine: Engine, address: str = ADA) -> dict[str, Entry]:
    """Of each scope the reason, until when it holds, and until when without soft bounces."""
    return {
        each.scope: (each.reason, each.expires_at, each.firm_until)
        for each in find(engine, address)
    }


def soft(address: str = ADA) -> list[Event]:
    return [a_soft_bounce(uuid4(), address, at=NOW - each * DAY) for each in (1, 0)]


def told(*said: list[Event] | Event) -> list[Event]:
    return [event for each in said for event in (each if isinstance(each, list) else [each])]


@pytest.mark.parametrize("soft_first", [True, False])
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_delivery_lifts_the_time_that_soft_bounces_lent_and_leaves_the_rest(
    engine: Engine, *, soft_first: bool, in_one_batch: bool
) -> None:
    hard = [a_hard_bounce(uuid4(), ADA)]
    both = [soft(), hard] if soft_first else [hard, soft()]
    for batch in [both[0] + both[1]] if in_one_batch else both:
        apply(engine, batch, POLICY)
    assert entries(engine) == {EVERYWHERE: ("bounce", SOFT, HARD)}
    apply(engine, [a_delivery(uuid4(), ADA, at=NOW)], POLICY)
    assert entries(engine) == {EVERYWHERE: ("bounce", HARD, None)}
    last = history(engine, ADA)[-1]
    assert (last.action, last.reason, last.entry_reason) == ("changed", "soft_bounce", "bounce")
    assert last.entry_expires_at == HARD


def test_a_person_lifts_all_of_it(engine: Engine) -> None:
    apply(engine, told(soft(), a_hard_bounce(uuid4(), ADA)), POLICY)
    assert remove(engine, ADA, by="grace") == 1
    assert entries(engine) == {}
    apply(engine, [a_soft_bounce(uuid4(), ADA, at=NOW)], POLICY)
    assert entries(engine) == {}


def test_a_reason_that_is_over_leaves_the_soft_bounces_their_time_and_name(engine: Engine) -> None:
    apply(engine, told(soft(), a_hard_bounce(uuid4(), ADA)), POLICY)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_suppressions SET firm_until = now()"))
    apply(engine, [a_soft_bounce(uuid4(), ADA, at=NOW)], POLICY)
    assert entries(engine) == {EVERYWHERE: ("soft_bounce", SOFT, None)}
    apply(engine, [a_delivery(uuid4(), ADA, at=NOW)], POLICY)
    assert entries(engine) == {}


@pytest.mark.parametrize("reason", ["manual", "soft_bounce", "unsubscribe"])
@pytest.mark.parametrize("word_first", [True, False])
def test_what_a_person_said_for_a_time_outlasts_a_delivery(
    engine: Engine, reason: str, *, word_first: bool
) -> None:
    """Also if the person gives soft bounces as the reason, as an import of a list may."""
    word = Suppression(ADA, reason, "operator", expires_at=HARD)
    if word_first:
        add(engine, [word])
    apply(engine, soft(), POLICY)
    add(engine, [word])
    assert entries(engine) == {EVERYWHERE: (reason, SOFT, HARD)}
    apply(engine, [a_delivery(uuid4(), ADA, at=NOW)], POLICY)
    assert entries(engine) == {EVERYWHERE: (reason, HARD, None)}


def test_a_longer_word_under_the_time_of_soft_bounces_is_not_lost(engine: Engine) -> None:
    apply(engine, told(soft(), a_hard_bounce(uuid4(), ADA)), POLICY)
    add(engine, [Suppression(ADA, "unsubscribe", "operator", expires_at=NOW + 8 * DAY)])
    assert entries(engine) == {EVERYWHERE: ("bounce", SOFT, NOW + 8 * DAY)}
    add(engine, [Suppression(ADA, "unsubscribe", "operator")])
    assert entries(engine) == {EVERYWHERE: ("bounce", None, None)}


def test_an_import_of_what_is_on_the_list_changes_nothing(engine: Engine) -> None:
    bob = "bob@example.com"
    apply(engine, told(soft(), a_hard_bounce(uuid4(), ADA), soft(bob)), POLICY)
    before = [(each, entries(engine, each)) for each in (ADA, bob)]
    again = [replace(*find(engine, each), source="import", firm_until=None) for each in (ADA, bob)]
    with loading(engine) as load:
        load.take(again)
        [(_size, verdicts)] = load.merge(by="grace")
    assert (verdicts.same, verdicts.changes) == (2, 0)
    assert [(each, entries(engine, each)) for each in (ADA, bob)] == before


def test_what_was_over_when_it_came_takes_the_place_of_nothing(engine: Engine) -> None:
    old = a_complaint(uuid4(), ADA, at=NOW - 30 * DAY)
    hard = a_hard_bounce(uuid4(), ADA)
    for number, batch in enumerate(([old, hard], [hard, old])):
        address = f"{number}@example.com"
        for event in batch:
            meant = [replace(each, address=address) for each in event.suppressions]
            apply(engine, [replace(event, identity=str(uuid4()), suppressions=meant)], POLICY)
        assert entries(engine, address) == {EVERYWHERE: ("bounce", HARD, None)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_three_reasons_the_strongest_is_named_and_each_time_is_kept(
    engine: Engine, order: tuple[int, ...]
) -> None:
    said = [soft(), [a_hard_bounce(uuid4(), ADA)], [a_complaint(uuid4(), ADA)]]
    for number in order:
        apply(engine, said[number], POLICY)
    assert entries(engine) == {EVERYWHERE: ("complaint", SOFT, COMPLAINED)}


def a_life(engine: Engine, ada: str, bob: str, cyd: str) -> list[Event]:
    """All that lengthens and lifts, of mail in the ledger and of mail that is not."""
    old, sent = NOW - 40 * DAY, a_sent_message(engine, bob)
    soft_forms = [a_soft_bounce(sent, bob, at=NOW - DAY, tagged=each) for each in (True, False)]
    second = replace(
        soft_forms[1],
        identity="second:" + soft_forms[1].identity,
        bounces=[replace(each, feedback_id=str(sent)) for each in soft_forms[1].bounces],
    )
    return [
        *soft(ada),
        a_hard_bounce(uuid4(), ada),
        a_complaint(uuid4(), ada, at=old),
        a_delivery(uuid4(), ada, at=NOW - 2 * DAY),
        soft_forms[0],
        second,
        a_soft_bounce(uuid4(), bob, at=NOW - 3 * DAY, tagged=False),
        a_delivery(uuid4(), bob, at=NOW - 2 * DAY, tagged=False),
        a_complaint(uuid4(), bob),
        *soft(cyd),
        a_delivery(uuid4(), cyd, at=NOW),
        a_hard_bounce(uuid4(), cyd, at=old),
        an_unsubscribe(uuid4(), cyd, stream="news"),
    ]


@given(data=st.data())
@examples(
    max_examples=30,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_order_and_multiplicity_of_events_ends_in_the_same_list(
    engine: Engine, data: st.DataObject
) -> None:
    ada, bob, cyd = (f"{uuid4()}@example.com" for _ in range(3))
    life = a_life(engine, ada, bob, cyd)
    numbers = list(range(len(life)))
    order = data.draw(st.permutations(numbers)) + data.draw(st.lists(st.sampled_from(numbers)))
    while order:
        size = data.draw(st.integers(1, 6))
        apply(engine, [life[number] for number in order[:size]], POLICY)
        order = order[size:]
    assert entries(engine, ada) == {EVERYWHERE: ("bounce", SOFT, HARD)}
    assert entries(engine, bob) == {EVERYWHERE: ("complaint", COMPLAINED, None)}
    assert entries(engine, cyd) == {"news": ("unsubscribe", None, None)}
    for each in (ada, bob, cyd):
        listed = find(engine, each)
        said = {change.scope: change for change in history(engine, each)}
        assert {scope: (c.entry_reason, c.entry_expires_at) for scope, c in said.items()} == {
            **dict.fromkeys(said, (None, None)),
            **{entry.scope: (entry.reason, entry.expires_at) for entry in listed},
        }
