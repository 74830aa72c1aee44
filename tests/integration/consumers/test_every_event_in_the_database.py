"""Every kind of event, several times in several forms and in disorder: exact states and list."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from consumers.batches import apply_apart, understand
from consumers.queues import QueueMessage
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, record_sent
from db.messages import status
from db.suppressions import EVERYWHERE
from sample_events import samples
from sample_facts import Fact, facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine

FACTS = facts()
SAMPLES_A_FACT = 8
ABOUT_ALL = ("bounce", "complaint", "account_list")


def put_in_the_ledger(engine: Engine, fact: Fact) -> None:
    job = Candidate(
        id=fact.message_id, stream="marketing", recipients=[fact.address], payload={"id": "job"}
    )
    won = claim(engine, job, lease_seconds=60, grace_seconds=300)
    assert isinstance(won, Claimed)
    held = Held(fact.message_id, won.attempt)
    assert record_sent(engine, held, ses_message_id=fact.ses_message_id)


def bring(engine: Engine, bodies: Iterable[str]) -> None:
    """As the consumer does, in batches."""
    now = datetime.now(UTC)
    messages = [QueueMessage(str(n), str(n), body, now) for n, body in enumerate(bodies)]
    for start in range(0, len(messages), 100):
        batch = understand(messages[start : start + 100])
        assert batch.refused == []
        assert apply_apart(engine, batch.events, lambda _applied: None) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_each_message_and_address_stand_where_they_must(
    engine: Engine, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311  any order will do
    for fact in FACTS:
        put_in_the_ledger(engine, fact)
    told = [
        each.body for fact in FACTS for each in chance.sample(list(samples(fact)), k=SAMPLES_A_FACT)
    ]
    told += chance.sample(told, k=len(told) // 3)
    chance.shuffle(told)
    bring(engine, told)
    for fact in FACTS:
        found = status(engine, fact.message_id)
        assert found is not None
        state = fact.state or "sent"
        expected = (fact.message, {fact.address: state})
        assert (found.state, found.recipients) == expected, fact.name
    assert the_list(engine) == {
        (fact.address, EVERYWHERE if fact.reason in ABOUT_ALL else "marketing", fact.reason)
        for fact in FACTS
        if fact.reason
    }
    assert soft_bounces(engine) == {fact.address for fact in FACTS if fact.is_soft}


def the_list(engine: Engine) -> set[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT address, scope, reason FROM email_suppressions"))
        return {(row.address, row.scope, row.reason) for row in rows}


def soft_bounces(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT address FROM email_bounces WHERE is_soft"))
        return set(found.scalars())
