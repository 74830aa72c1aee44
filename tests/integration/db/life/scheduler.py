"""The scheduler and the consumer of events, step by step, as they drive the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db import events, parking, refused, unknowns, watermarks
from life.world import GRACE_SECONDS, Copy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.parking import DueMessage
    from life.world import Published, World

RESENDING, HOLDING = ["transactional"], ["marketing"]
EVENTS_QUEUE = "mailsluice-events"
DISPATCH_LEASE_SECONDS = 60.0


@dataclass(eq=False)
class Turn:
    """A dispatcher with what it took, and what of that lies on SQS by now."""

    taken: list[DueMessage]
    posted: bool = False


class Scheduler:
    """Any number of dispatchers, and the settler."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._engine = world.engine
        self.turns: list[Turn] = []

    def take(self) -> None:
        """A dispatcher takes what is due."""
        taken = parking.take_due(
            self._engine,
            [*RESENDING, *HOLDING],
            most=10,
            lease_seconds=DISPATCH_LEASE_SECONDS,
        )
        if taken:
            self.turns.append(Turn(taken))

    def post(self, turn: Turn) -> None:
        """It puts them on SQS."""
        turn.posted = True
        for message in turn.taken:
            self._world.copies.append(Copy(self._world.jobs[message.id]))

    def end(self, turn: Turn) -> None:
        """It says which lie on SQS now, and gives back the others."""
        self.turns.remove(turn)
        if turn.posted:
            parking.mark_dispatched(self._engine, turn.taken)
        else:
            parking.give_back(self._engine, turn.taken)

    def die(self, turn: Turn) -> None:
        """It ends without a word, before or after it had put them on SQS."""
        self.turns.remove(turn)

    def sweep(self) -> None:
        """Abandoned claims become unknown."""
        unknowns.sweep(self._engine, grace_seconds=GRACE_SECONDS)

    def settle(self) -> None:
        """Decide what can be decided."""
        unknowns.resend_proven(self._engine, events_queues=[EVENTS_QUEUE])
        unknowns.hold_doubtful(self._engine, events_queues=[EVENTS_QUEUE])
        unknowns.resend_by_policy(self._engine, RESENDING)
        unknowns.hold_by_policy(self._engine, HOLDING)

    def decide_held(self, *, release: bool) -> None:
        """A person decides about all that is held."""
        if release:
            self._world.released_by_a_person.update(unknowns.release(self._engine, None))
        else:
            unknowns.fail(self._engine, None)


class Consumer:
    """Drains the event queue."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._engine = world.engine

    def apply(self, batch: Sequence[Published], *, deleted: bool) -> None:
        """Apply events; those that are not deleted come again."""
        events.apply(self._engine, [each.event for each in batch])
        for each in batch:
            self._world.suppressed.update((s.address, s.scope) for s in each.event.suppressions)
            if deleted:
                self._world.event_queue.remove(each)

    def refuse(self, each: Published) -> None:
        """An event that cannot be understood is kept aside, and deleted."""
        refused.keep(
            self._engine,
            queue=EVENTS_QUEUE,
            sqs_message_id=each.event.identity,
            reason="no JSON",
            body="?",
        )
        if each.event.message_id:
            self._world.unheard_of.add(each.event.message_id)
        self._world.event_queue.remove(each)

    def look_for_emptiness(self) -> None:
        """An empty queue moves the watermark."""
        if not self._world.event_queue:
            watermarks.advance(self._engine, EVENTS_QUEUE, watermarks.moment(self._engine))
