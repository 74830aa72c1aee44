"""Reads and applies refused messages again, by the same rules as when they came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumers.batches import apply_apart, understand, without
from consumers.queues import QueueMessage
from db import quarantine
from db.events import DEFAULT_POLICY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from config.suppression import SuppressionPolicy
    from consumers.authenticity import Admit
    from consumers.batches import Batch
    from db.event_types import Applied
    from db.quarantine import Quarantined

AT_ONCE = 200


@dataclass
class Replayed:
    """What became of the messages, by their id in the quarantine; `refused` tells why.

    `unproven`: their certificate could not be fetched now. `new_events` counts those that had not
    come in any other way.
    """

    applied: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    unproven: list[int] = field(default_factory=list)
    new_events: int = 0


def replay(
    engine: Engine,
    queues: Sequence[str],
    ids: Sequence[int] | None,
    admit_of: Callable[[str], Admit],
    policy: SuppressionPolicy = DEFAULT_POLICY,
) -> Replayed:
    """Replay these, or all for None. A message leaves the quarantine when its event is committed.

    So whatever interrupts it, it may be repeated. `admit_of` tells for a queue which of its
    messages may be believed.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is away; the rest was not replayed.
    """
    done = Replayed()
    for page in _pages(engine, queues, ids):
        for queue in sorted({each.queue for each in page}):
            mine = [each for each in page if each.queue == queue]
            messages = _messages(engine, queues, mine)
            _settle(engine, messages, understand(messages, admit_of(queue)), policy, done)
    return done


def _pages(
    engine: Engine, queues: Sequence[str], ids: Sequence[int] | None
) -> Iterator[list[Quarantined]]:
    after = 0
    while page := quarantine.quarantined(engine, queues, most=AT_ONCE, ids=ids, after=after):
        yield page
        after = page[-1].id


def _messages(
    engine: Engine, queues: Sequence[str], rows: Sequence[Quarantined]
) -> list[QueueMessage]:
    """As they were received, but for those that somebody was quicker to settle."""
    return [message for each in rows if (message := _message(engine, queues, each))]


def _settle(
    engine: Engine,
    messages: Sequence[QueueMessage],
    batch: Batch,
    policy: SuppressionPolicy,
    done: Replayed,
) -> None:
    def committed(applied: Applied) -> None:
        done.new_events += len(applied.events)

    refused = batch.refused + apply_apart(engine, batch.events, committed, policy)
    spoilt = [each.message for each in refused]
    applied = [int(each.id) for each in without(messages, spoilt + batch.unproven)]
    quarantine.settled(engine, applied)
    for each in refused:
        quarantine.still_refused(
            engine, int(each.message.id), each.reason, may_be_ours=each.may_be_ours
        )
    done.applied += applied
    done.refused |= {int(each.message.id): each.reason for each in refused}
    done.unproven += [int(each.id) for each in batch.unproven]


def _message(engine: Engine, queues: Sequence[str], row: Quarantined) -> QueueMessage | None:
    body = quarantine.body(engine, queues, row.id)
    if body is None:
        return None
    return QueueMessage(str(row.id), str(row.id), body, row.first_seen_at, row.queue)
