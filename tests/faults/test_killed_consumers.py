"""Consumers of events are killed in a storm of events: none is lost, none is counted twice."""

from __future__ import annotations

import json
import random
import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from config.failpoints import VARIABLE
from config.suppression import SuppressionPolicy
from db.engine import connect
from sandbox.chaos.keeper import Keeper
from sandbox.chaos.storm import rage
from sandbox.installation import Installation
from sandbox.lives import kinds_of, make_lives, put, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from sandbox.lives import Life

pytestmark = pytest.mark.timeout(240)

MESSAGES = 1500
KILLS = 10
STORM_SECONDS = 10.0
POISON = [f"no JSON, number {number}" for number in range(20)]
SOFT_BOUNCE = Path(__file__).parents[1] / "fixtures" / "events" / "bounce_mailbox_full.json"
SOFT_LIMIT = SuppressionPolicy().soft_bounces.limit
SOFT_ADDRESSES = 40
QUEUES = ("mailsluice-events", "other-events")
ENVIRONMENT = {
    "MAILSLUICE_SQS_COUNTS_LAG_SECONDS": "1",  # what the dead had in hand is seen again in 3 s
    "MAILSLUICE_EVENTS_QUEUES": QUEUES[1],
}


@pytest.fixture
def running() -> Iterator[Installation]:
    """An installation of this test's own, with two queues of events."""
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-tests-") as directory,
        Installation(Path(directory)) as installation,
    ):
        installation.sqs.create_queue(QueueName=QUEUES[1])
        yield installation


@pytest.fixture
def engine(running: Installation) -> Iterator[Engine]:
    made = connect(running.settings())
    yield made
    made.dispose()


@pytest.fixture
def lives(engine: Engine) -> list[Life]:
    made = make_lives(MESSAGES)
    record(engine, made)
    return made


def test_whoever_is_killed_whenever_each_event_counts_exactly_once(
    running: Installation, engine: Engine, lives: list[Life]
) -> None:
    keeper = Keeper(running, ENVIRONMENT)
    keeper.crew(events=2)
    storm = threading.Thread(target=put_all, args=(running, lives))
    storm.start()
    killed = rage(keeper, kills=KILLS, seconds=STORM_SECONDS, seed=5)
    storm.join()
    until_drained(running)
    keeper.close()
    assert killed >= KILLS / 2
    assert accounts(engine) == expected(lives)


def test_killed_between_commit_and_delete_an_event_counts_once(
    running: Installation, engine: Engine, lives: list[Life]
) -> None:
    keeper = Keeper(running, {**ENVIRONMENT, VARIABLE: "in_event_commit=kill@3"})
    put_all(running, lives)
    for _ in range(2):
        keeper._launch("events", {})
    until_drained(running)
    keeper.close()
    assert len(keeper.died) >= 2
    assert accounts(engine) == expected(lives)


def until_drained(running: Installation) -> None:
    for queue in QUEUES:
        running.control.wait_for(f"queue_empty:{queue}", timeout_seconds=100)


def put_all(running: Installation, lives: list[Life]) -> None:
    """Every event, most of them twice, in any order and on either queue, with poison between."""
    dice = random.Random(5)  # noqa: S311  the same order each time
    bodies = [body for life in lives for body in life.bodies()] + list(soft_bounces())
    bodies += [body for body in bodies if dice.random() < 0.7]
    dice.shuffle(bodies)
    bodies[100:100] = POISON
    half = len(bodies) // 2
    for queue, part in zip(QUEUES, (bodies[:half], bodies[half:]), strict=True):
        url = running.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        put(running.sqs, url, iter(part))


def soft_bounces() -> Iterator[str]:
    """Of some addresses one fewer than suppresses them, and of others just as many."""
    for number in range(2 * SOFT_ADDRESSES):
        for turn in range(SOFT_LIMIT - number % 2):
            body = json.loads(SOFT_BOUNCE.read_text())
            address, name = f"soft{number}@example.com", f"soft-{number}-{turn}"
            body["mail"] |= {"messageId": name, "destination": [address], "tags": {}}
            body["bounce"] |= {
                "feedbackId": name,
                "timestamp": datetime.now(UTC).isoformat(),
                "bouncedRecipients": [{"emailAddress": address, "status": "4.2.2"}],
            }
            yield json.dumps(body)


def expected(lives: list[Life]) -> dict[str, Any]:
    states = Counter(life.state for life in lives)
    soft = SOFT_ADDRESSES * (2 * SOFT_LIMIT - 1)
    suppressions = {
        "bounce": states["bounced"],
        "complaint": states["complained"],
        "soft_bounce": SOFT_ADDRESSES,
    }
    return {
        "states": states,
        "recipients": states,
        "events": kinds_of(lives) + Counter(bounce=soft),
        "bounces": states["bounced"] + soft,
        "complaints": states["complained"],
        "suppressions": suppressions,
        "changes": suppressions,
        "refused": sorted(POISON),
    }


def accounts(engine: Engine) -> dict[str, Any]:
    with engine.begin() as connection:

        def counted(table: str, column: str) -> dict[str, int]:
            query = f"SELECT {column}, count(*) FROM {table} GROUP BY 1"  # noqa: S608  constants
            return {key: count for key, count in connection.execute(text(query))}  # noqa: C416

        bodies = connection.execute(text("SELECT body FROM refused_messages ORDER BY body"))
        return {
            "states": counted("email_messages", "state"),
            "recipients": counted("email_recipients", "state"),
            "events": counted("email_events", "kind"),
            "bounces": connection.scalar(text("SELECT count(*) FROM email_bounces")),
            "complaints": connection.scalar(text("SELECT count(*) FROM email_complaints")),
            "suppressions": counted("email_suppressions", "reason"),
            "changes": counted("email_suppression_changes", "reason"),
            "refused": [body for (body,) in bodies],
        }
