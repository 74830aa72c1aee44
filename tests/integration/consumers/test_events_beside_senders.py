"""Senders and consumers write the same rows at the same time, and neither locks the other out."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import text

from config.suppression import SuppressionPolicy
from consumers.parsing import read
from db.claims import Candidate, Claimed, claim
from db.event_joins import join_tagged
from db.event_types import Event
from db.events import apply
from db.ledger import Held, record_sent
from sandbox.lives import kinds_of, make_lives, record
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from sandbox.lives import Life

POLICY = SuppressionPolicy()
MESSAGES = 150
BATCH = 300
LOCK = text("SELECT FROM email_messages WHERE id = :id FOR UPDATE")
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database()"
)


def test_claims_records_and_batches_of_events_over_the_same_messages_neither_deadlock_nor_lose(
    engine: Engine,
) -> None:
    lives = make_lives(MESSAGES)
    record(engine, lives[::2])
    crowd = Crowd(engine, lives)
    crowd.all_at_once([crowd.send] * 3 + [crowd.drain, crowd.drain_last_first, crowd.join])
    while join_tagged(engine, POLICY):
        pass
    assert crowd.failed == []
    assert len(crowd.sent) == len(set(crowd.sent))
    states = Counter(life.state for life in lives)
    assert counted(engine, "email_messages", "state") == states
    assert counted(engine, "email_recipients", "state") == states
    assert counted(engine, "email_events", "kind") == kinds_of(lives)
    assert counted(engine, "email_suppressions", "reason") == {
        "bounce": states["bounced"],
        "complaint": states["complained"],
    }


class Crowd:
    """Senders, consumers and a scheduler over the same messages, each in an order of its own."""

    def __init__(self, engine: Engine, lives: list[Life]) -> None:
        self._engine = engine
        self._lives = lives
        self._events = [event for life in lives for event in events_of(life)]
        self.sent: list[Any] = []
        self.failed: list[Exception] = []

    def all_at_once(self, works: list[Callable[[random.Random], None]]) -> None:
        start = threading.Barrier(len(works))

        def run(work: Callable[[random.Random], None], seed: int) -> None:
            start.wait()
            try:
                work(random.Random(seed))  # noqa: S311  the same order each time
            except Exception as error:  # noqa: BLE001  told by the test
                self.failed.append(error)

        threads = [threading.Thread(target=run, args=(work, n)) for n, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def send(self, dice: random.Random) -> None:
        """As workers do."""
        for life in dice.sample(self._lives, len(self._lives)):
            candidate = Candidate(
                life.message_id, "marketing", [life.address], {}, claimant=uuid4()
            )
            won = claim(self._engine, candidate, lease_seconds=60, grace_seconds=60)
            if isinstance(won, Claimed):
                self.sent.append(life.message_id)
                held = Held(life.message_id, won.attempt)
                record_sent(self._engine, held, ses_message_id=life.ses_message_id)

    def drain(self, dice: random.Random) -> None:
        """As consumers do. The other one begins with other events of the same messages."""
        for part in (self._events[::2], self._events[1::2]):
            self._apply(part, dice)

    def drain_last_first(self, dice: random.Random) -> None:
        for part in (self._events[1::2], self._events[::2]):
            self._apply(part, dice)

    def _apply(self, events: list[Event], dice: random.Random) -> None:
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            apply(self._engine, dice.sample(batch, len(batch)), POLICY)

    def join(self, _dice: random.Random) -> None:
        """As the scheduler does."""
        for _ in range(10):
            join_tagged(self._engine, POLICY)


def events_of(life: Life) -> list[Event]:
    now = datetime.now(UTC)
    read_all = [read(body, received_at=now) for body in life.bodies()]
    return [event for event in read_all if isinstance(event, Event)]


def counted(engine: Engine, table: str, column: str) -> dict[str, int]:
    query = f"SELECT {column}, count(*) FROM {table} GROUP BY 1"  # noqa: S608  constants
    with engine.begin() as connection:
        return {key: count for key, count in connection.execute(text(query))}  # noqa: C416


def test_a_batch_that_waits_for_a_message_holds_none_that_comes_after_it(engine: Engine) -> None:
    """All lock messages in the order of their ids: so none waits for one that waits for it."""
    lives = sorted(make_lives(12), key=lambda life: life.message_id)
    record(engine, lives)
    events = [event for life in lives for event in events_of(life)][::-1]
    batch = threading.Thread(target=apply, args=(engine, events, POLICY))
    with engine.begin() as person:
        person.execute(LOCK, {"id": lives[0].message_id})
        batch.start()
        until(lambda: somebody_waits(engine), "the batch waits")
        with engine.begin() as another:
            free = another.execute(text("SELECT FROM email_messages FOR UPDATE SKIP LOCKED"))
            assert len(free.all()) == len(lives) - 1
    batch.join()
    assert counted(engine, "email_events", "kind") == kinds_of(lives)


def test_a_batch_that_a_deadlock_ends_is_applied_again_and_counted_once(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    """Ours do not deadlock; but whoever works on the tables by hand locks as he likes."""
    first, last = sorted((send(), send()), key=lambda each: each.message_id)
    mailbox.put([first.in_sns("bounce_permanent"), last.in_sns("bounce_permanent")])
    with engine.begin() as person:
        person.execute(LOCK, {"id": last.message_id})
        drain.start()
        until(lambda: somebody_waits(engine), "the batch waits")
        person.execute(LOCK, {"id": first.message_id})
    drain.until_empty().stop()
    assert drain.count("event_loop_errors_total", stage="apply") == 1
    assert drain.count("events_total", kind="bounce") == 2
    assert counted(engine, "email_bounces", "bounce_type") == {"Permanent": 2}


def somebody_waits(engine: Engine) -> bool:
    with engine.begin() as connection:
        return bool(connection.scalar(WAITING))
