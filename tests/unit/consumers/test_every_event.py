"""Every kind of event, in every form and spelling, is read for the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from consumers.parsing import read
from consumers.policy import WEIGHS
from db.event_types import Event
from sample_events import ON_EVENTBRIDGE, SPELLINGS, samples
from sample_facts import BOUNCES, HAPPENED_AT, Fact, facts

RECEIVED = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
FACTS = facts()


def understood(body: str) -> Event:
    said = read(body, received_at=RECEIVED)
    assert isinstance(said, Event)
    return said


def says(event: Event) -> tuple[object, ...]:
    return (
        event.kind.value,
        {address: state.value for address, state in event.recipients.items()},
        event.proves_of_message.value,
        [(each.address, each.reason) for each in event.suppressions],
        [each.is_soft for each in event.bounces],
        event.ses_message_id,
    )


@pytest.mark.parametrize("fact", FACTS, ids=[each.name for each in FACTS])
def test_in_every_form_and_spelling_it_says_the_same(fact: Fact) -> None:
    expected = (
        fact.kind,
        {fact.address: fact.state} if fact.state else {},
        fact.message,
        [(fact.address, fact.reason)] if fact.reason else [],
        [fact.is_soft] if fact.kind == "bounce" else [],
        fact.ses_message_id,
    )
    for sample in samples(fact):
        event = understood(sample.body)
        assert says(event) == expected, sample.name
        assert event.message_id == (fact.message_id if sample.is_tagged else None), sample.name
        assert abs(event.occurred_at - datetime.fromisoformat(HAPPENED_AT)) < timedelta(seconds=5)


@pytest.mark.parametrize("fact", FACTS, ids=[each.name for each in FACTS])
def test_however_it_comes_an_event_is_one_event(fact: Fact) -> None:
    """The envelope, and how an address is spelt, make no second event."""
    same = [f"{fact.name}, {each.name}, event," for each in SPELLINGS[:6]]
    same += [
        f"{fact.name}, {SPELLINGS[0].name}, {form}," for form in ("eventbridge", "notification")
    ]
    told = [each for each in samples(fact) if each.name.startswith(tuple(same))]
    assert len(told) >= 21
    assert len({understood(each.body).identity for each in told}) == 1


def test_all_that_is_documented_is_among_them() -> None:
    assert {each.event for each in FACTS} == set(ON_EVENTBRIDGE)
    assert {(kind, subtype) for kind, subtype, *_rest in BOUNCES} > set(WEIGHS)
    assert len({each.name for each in FACTS}) == len(FACTS)
