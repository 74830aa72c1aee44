"""The settler decides about unknown outcomes as each stream wants it, and counts. PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from config.settings import load_settings
from db import watermarks
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, Why, record_sent, record_unknown
from db.messages import status
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.settling import Settler

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

    from config.settings import Settings

JOB = {"id": "the job"}


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Marketing mail of unknown outcome waits for a person, transactional mail goes again."""
    return load_settings(
        database_url=database_url,
        stream_overrides={
            "transactional": {"unknown_policy": "resend"},
            "marketing": {"unknown_policy": "hold"},
        },
    )


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def settler(engine: Engine, settings: Settings, registry: CollectorRegistry) -> Settler:
    return Settler(engine, settings, SchedulerMetrics(registry, "test"))


def claimed(engine: Engine, *, stream: str = "transactional", provable: bool = False) -> Held:
    candidate = Candidate(
        id=uuid4(), stream=stream, recipients=["ada@example.com"], payload=JOB, provable=provable
    )
    won = claim(engine, candidate, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    return Held(candidate.id, won.attempt)


def unknown(engine: Engine, *, stream: str = "transactional", provable: bool = False) -> UUID:
    held = claimed(engine, stream=stream, provable=provable)
    why = Why("ReadTimeoutError", "No answer came back.")
    record_unknown(engine, held, why, payload=JOB, grace_seconds=0)
    return held.message_id


def state(engine: Engine, message_id: UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def settled(registry: CollectorRegistry) -> dict[str, float]:
    """How many of each decision, of those that were taken at all."""
    return {
        sample.labels["decision"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "test_email_unknown_settled_total" and sample.value
    }


def test_a_claim_whose_worker_has_gone_becomes_unknown(
    engine: Engine, settler: Settler, registry: CollectorRegistry
) -> None:
    held = claimed(engine)
    settler.sweep()
    assert state(engine, held.message_id) == "sending"
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET lease_until = now() - interval '1s'"))
    settler.sweep()
    assert state(engine, held.message_id) == "unknown"
    assert settled(registry) == {"unknown": 1.0}


def test_without_events_each_stream_has_its_policy(
    engine: Engine, settler: Settler, registry: CollectorRegistry
) -> None:
    resent, held = unknown(engine), unknown(engine, stream="marketing")
    settler.settle()
    assert (state(engine, resent), state(engine, held)) == ("parked", "held")
    assert settled(registry) == {"resend": 1.0, "held": 1.0}


def test_with_events_nothing_is_decided_before_they_are_read(
    engine: Engine, settler: Settler, registry: CollectorRegistry
) -> None:
    message_id = unknown(engine, provable=True)
    settler.settle()
    assert state(engine, message_id) == "unknown"
    assert settled(registry) == {}


def test_the_silence_of_the_events_is_the_proof_in_every_stream(
    engine: Engine, settings: Settings, settler: Settler, registry: CollectorRegistry
) -> None:
    ids = [unknown(engine, stream=each, provable=True) for each in ("transactional", "marketing")]
    watermarks.advance(engine, settings.events_queue_name, watermarks.moment(engine))
    settler.settle()
    assert [state(engine, each) for each in ids] == ["parked", "parked"]
    assert settled(registry) == {"proven_not_sent": 2.0}


def test_where_no_event_of_anything_arrives_silence_proves_nothing(
    engine: Engine, settings: Settings, settler: Settler
) -> None:
    """Somebody has cut the subscription, say: the queue is empty, and SES took the message."""
    lost = unknown(engine, provable=True)
    watermarks.advance(engine, settings.events_queue_name, watermarks.moment(engine))
    sent = claimed(engine, provable=True)
    record_sent(engine, sent, ses_message_id="ses-1")
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_messages SET sent_at = now() - interval '20 min'"))
    settler.settle()
    assert state(engine, lost) == "unknown"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_events (identity, kind, message_id, occurred_at, raw)"
                " VALUES ('one', 'send', :id, now(), '{}')"
            ),
            {"id": sent.message_id},
        )
    settler.settle()
    assert state(engine, lost) == "parked"


def test_settling_twice_changes_and_counts_nothing_more(
    engine: Engine, settler: Settler, registry: CollectorRegistry
) -> None:
    unknown(engine)
    settler.settle()
    settler.settle()
    assert settled(registry) == {"resend": 1.0}


def test_a_turn_of_the_settler_is_all_there_is_to_do_for_now(settler: Settler) -> None:
    assert not settler.sweep()
    assert not settler.settle()
