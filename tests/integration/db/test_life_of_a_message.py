"""Whatever happens to a message in whatever order, it comes to one end and SES takes it once.

A state machine drives the real ledger as workers, schedulers and the consumer of events do, against
an oracle (`life/world.py`) that knows the truth. MAILSLUICE_TEST_LIVES is the number of lives it
tries, 150 by default; a long run is

    MAILSLUICE_TEST_LIVES=3000 .venv/bin/pytest tests/integration/db/test_life_of_a_message.py \
        -o timeout=0

What fails is made as short as can be only in a long run: of forty steps that takes more than five
minutes, in which nothing can be seen to go on. Otherwise the way to have it again is printed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from db import suppressions
from db.suppressions import EVERYWHERE, Suppression
from life.choices import ADDRESSES, FEEDBACK, STREAMS, later, one, picks, recipients, spans
from life.scheduler import Consumer, Scheduler
from life.view import Row, check, check_end, rows_of
from life.worker import Answer, Hand, Workers
from life.world import GRACE_SECONDS, LEASE_SECONDS, Job, World, empty

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

    from db.states import EventKind

SHORT_RUN = 150
LIVES = int(os.environ.get("MAILSLUICE_TEST_LIVES", SHORT_RUN))
PHASES = set(Phase) - ({Phase.shrink} if LIVES <= SHORT_RUN else set())
STEPS = 40
MOST_MESSAGES = 4
ROUNDS_TO_THE_END = 12


class Life(RuleBasedStateMachine):
    """A few messages among workers, dispatchers and events."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        empty(engine)
        self.engine = engine
        self.world = World(engine)
        self.workers = Workers(self.world)
        self.scheduler = Scheduler(self.world)
        self.consumer = Consumer(self.world)
        self.seen: dict[UUID, Row] = {}

    @precondition(lambda self: len(self.world.jobs) < MOST_MESSAGES)
    @rule(
        stream=st.sampled_from(STREAMS),
        to=recipients,
        provable=st.booleans(),
        send_at=later,
        expires_at=later,
    )
    def enqueue(
        self,
        *,
        stream: str,
        to: list[str],
        provable: bool,
        send_at: float | None,
        expires_at: float | None,
    ) -> None:
        now = self.world.now
        moments = [None if each is None else now + each for each in (send_at, expires_at)]
        self.world.enqueue(Job(uuid4(), stream, tuple(to), provable, *moments))

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @precondition(lambda self: self.world.copies)
    @rule(pick=picks, heard=st.booleans())
    def a_worker_receives_and_claims(self, *, pick: int, heard: bool) -> None:
        hand = self.workers.receive(one(self.world.copies, pick))
        self.workers.claim(hand, heard=heard)

    @precondition(lambda self: self.world.copies)
    @rule(pick=picks, answer=st.sampled_from(Answer), recorded=st.booleans())
    def a_worker_delivers(self, *, pick: int, answer: Answer, recorded: bool) -> None:
        hand = self.workers.receive(one(self.world.copies, pick))
        self.workers.claim(hand, heard=True)
        self.every_promise_holds()
        if hand.claimed:
            self.workers.post(hand, answer)
        if hand.answer and recorded:
            self.workers.record(hand)

    @precondition(lambda self: self.unclaimed())
    @rule(pick=picks, heard=st.booleans())
    def the_same_worker_asks_again(self, *, pick: int, heard: bool) -> None:
        self.workers.claim(one(self.unclaimed(), pick), heard=heard)

    @precondition(lambda self: self.claimed())
    @rule(pick=picks, answer=st.sampled_from(Answer))
    def a_worker_posts(self, pick: int, answer: Answer) -> None:
        self.workers.post(one(self.claimed(), pick), answer)

    @precondition(lambda self: self.answered())
    @rule(pick=picks, twice=st.booleans(), deleted=st.booleans())
    def a_worker_records(self, *, pick: int, twice: bool, deleted: bool) -> None:
        self.workers.record(one(self.answered(), pick), twice=twice, deleted=deleted)

    @precondition(lambda self: self.workers.hands)
    @rule(pick=picks)
    def a_worker_crashes(self, pick: int) -> None:
        self.workers.crash(one(self.workers.hands, pick))

    @rule()
    def a_dispatcher_takes_what_is_due(self) -> None:
        self.scheduler.take()

    @precondition(lambda self: self.scheduler.turns)
    @rule(pick=picks)
    def a_dispatcher_puts_it_on_sqs(self, pick: int) -> None:
        self.scheduler.post(one(self.scheduler.turns, pick))

    @precondition(lambda self: self.scheduler.turns)
    @rule(pick=picks, dies=st.booleans())
    def a_dispatcher_ends(self, *, pick: int, dies: bool) -> None:
        turn = one(self.scheduler.turns, pick)
        (self.scheduler.die if dies else self.scheduler.end)(turn)

    @rule()
    def the_scheduler_sweeps(self) -> None:
        self.scheduler.sweep()

    @rule()
    def the_scheduler_settles(self) -> None:
        self.scheduler.settle()

    @rule(release=st.booleans())
    def a_person_decides(self, *, release: bool) -> None:
        self.scheduler.decide_held(release=release)

    @precondition(lambda self: +self.world.accepted)
    @rule(
        pick=picks,
        kind=st.sampled_from(FEEDBACK),
    )
    def ses_says_more(self, pick: int, kind: EventKind) -> None:
        job = self.world.jobs[one(sorted(self.world.accepted), pick)]
        if job.provable:
            self.world.publish(job, kind)

    @precondition(lambda self: self.world.in_flight)
    @rule(pick=picks)
    def an_event_arrives(self, pick: int) -> None:
        self.world.arrive(one(self.world.in_flight, pick))

    @precondition(lambda self: self.world.event_queue)
    @rule(first=picks, second=picks, deleted=st.booleans())
    def events_are_applied(self, *, first: int, second: int, deleted: bool) -> None:
        queue = self.world.event_queue
        batch = dict.fromkeys([one(queue, first), one(queue, second)])
        self.consumer.apply(list(batch), deleted=deleted)

    @precondition(lambda self: self.world.event_queue)
    @rule(pick=picks)
    def an_event_is_not_understood(self, pick: int) -> None:
        self.consumer.refuse(one(self.world.event_queue, pick))

    @rule()
    def the_consumer_looks_for_emptiness(self) -> None:
        self.consumer.look_for_emptiness()

    @rule(address=st.sampled_from(ADDRESSES), scope=st.sampled_from([EVERYWHERE, *STREAMS]))
    def an_address_is_suppressed(self, address: str, scope: str) -> None:
        suppressions.add(self.engine, [Suppression(address, "manual", "test", scope=scope)])
        self.world.suppressed.add((address, scope))

    @precondition(lambda self: self.world.suppressed)
    @rule(pick=picks)
    def a_suppression_is_taken_away(self, pick: int) -> None:
        address, scope = one(sorted(self.world.suppressed), pick)
        suppressions.remove(self.engine, address, scope=scope)
        self.world.suppressed.remove((address, scope))

    @invariant()
    def every_promise_holds(self) -> None:
        rows = rows_of(self.engine)
        check(self.world, self.seen, rows)
        self.seen = rows

    def teardown(self) -> None:
        """Everybody comes back to work: then every message comes to its end."""
        self.world.pass_time(LEASE_SECONDS + 1)
        for index, hand in enumerate(self.answered()):
            if index % 2 == 0:
                self.scheduler.sweep()
            self.workers.record(hand)
        for _ in range(ROUNDS_TO_THE_END):
            self._work_on()
        check_end(self.world, rows_of(self.engine))

    def _work_on(self) -> None:
        for hand in list(self.workers.hands):
            self.workers.crash(hand)
        self.world.pass_time(GRACE_SECONDS + 1)
        # What SES has said lies in its queue yet: nothing may be taken for proved.
        self.seen = rows_of(self.engine)
        self.scheduler.settle()
        self.every_promise_holds()
        self.consumer.apply(list(self.world.event_queue), deleted=True)
        self.consumer.look_for_emptiness()
        self.scheduler.sweep()
        self.scheduler.settle()
        self.scheduler.decide_held(release=True)
        self.scheduler.take()
        for turn in list(self.scheduler.turns):
            self.scheduler.post(turn)
            self.scheduler.end(turn)
        for copy in list(self.world.copies):
            self.workers.claim(self.workers.receive(copy), heard=True)
        for hand in self.claimed():
            self.workers.post(hand, Answer.SENT)
            self.workers.record(hand)
        rows = rows_of(self.engine)
        check(self.world, rows, rows)

    def unclaimed(self) -> list[Hand]:
        return [each for each in self.workers.hands if not each.claimed]

    def claimed(self) -> list[Hand]:
        return [each for each in self.workers.hands if each.claimed and not each.answer]

    def answered(self) -> list[Hand]:
        return [each for each in self.workers.hands if each.answer]


@pytest.mark.timeout(900)
def test_every_message_comes_to_one_end_and_ses_takes_it_once(engine: Engine) -> None:
    run_state_machine_as_test(
        lambda: Life(engine),
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
