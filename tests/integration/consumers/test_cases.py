"""The cases, all of them played at once against the real database, in several arrangements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from cases import CASES
from consumers.batches import apply_apart, understand
from consumers.queues import QueueMessage
from db.messages import status
from db.suppressions import find, remove
from told import NOW, Removal, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from told import Case, Said

    Steps = Sequence[Sequence[Said | Removal]]

# The times of events that tell none are those of the test.
MOMENTS = timedelta(minutes=5)

_MESSAGE = text(
    "INSERT INTO email_messages (id, stream, state, ses_message_id)"
    " VALUES (:id, 'marketing', 'sent', :ses_id)"
)
_RECIPIENT = text(
    "INSERT INTO email_recipients (message_id, address, state) VALUES (:id, :a, 'sent')"
)


def in_turn(case: Case) -> Steps:
    return [[step] for step in case.steps]


def backwards(case: Case) -> Steps:
    return [[step] for step in reversed(case.steps)]


def at_once(case: Case) -> Steps:
    return [case.steps]


def again_and_again(case: Case) -> Steps:
    middle = len(case.steps) // 2
    return [[*case.steps[middle:], *case.steps], case.steps[:middle] + case.steps[::-1]]


def put_in_the_ledger(engine: Engine, case: Case, world: World) -> None:
    with engine.begin() as connection:
        for message, people in case.mail.items():
            its = world.message_id(message)
            connection.execute(_MESSAGE, {"id": its, "ses_id": world.ses_id(message)})
            for person in people.split():
                connection.execute(_RECIPIENT, {"id": its, "a": world.address(person)})


def play(engine: Engine, cases: Sequence[tuple[Case, World, Steps]]) -> dict[str, int]:
    """One batch a step, of all cases together; answers how many were refused in each."""
    refused = {case.name: 0 for case, _world, _steps in cases}
    for now in zip_longest(*(steps for _case, _world, steps in cases), fillvalue=()):
        messages = []
        for (case, world, _steps), part in zip(cases, now, strict=True):
            for step in part:
                if isinstance(step, Removal):
                    remove(engine, world.address(step.person), by="grace")
                else:
                    sent_at = datetime.now(UTC)
                    messages.append(QueueMessage(case.name, case.name, step(world), sent_at))
        batch = understand(messages)
        for each in batch.refused:
            refused[each.message.id] += 1
        assert apply_apart(engine, batch.events, lambda _applied: None) == []
    return refused


def outcome(engine: Engine, case: Case, world: World) -> object:
    listed = {}
    for person in sorted({"a", "b", "x", *"".join(case.mail.values()).split()} | _named(case)):
        for entry in find(engine, world.address(person)):
            if entry.expires_at is None or entry.expires_at > datetime.now(UTC):
                listed[person, entry.scope] = (entry.reason, _days(entry.expires_at))
    ends = {}
    for message in case.mail:
        found = status(engine, world.message_id(message))
        assert found is not None
        ends[message] = (found.state, found.recipients)
    return listed, ends


def _named(case: Case) -> set[str]:
    return {person for person, _scope in case.listed}


def _days(until: datetime | None) -> float | None:
    if until is None:
        return None
    tenths = round((until - NOW) / timedelta(days=1), 1)
    assert abs(until - NOW - tenths * timedelta(days=1)) < MOMENTS
    return tenths


def expected(case: Case, world: World) -> object:
    ends = {}
    for message, people in case.mail.items():
        state, moved = case.ends.get(message, ("sent", {}))
        recipients = {world.address(person): "sent" for person in people.split()}
        ends[message] = (
            state,
            recipients | {world.address(person): its for person, its in moved.items()},
        )
    return case.listed, ends


@pytest.mark.parametrize("arrange", [in_turn, backwards, at_once, again_and_again])
def test_every_case_ends_as_it_was_said_beforehand(
    engine: Engine, arrange: Callable[[Case], Steps]
) -> None:
    played = [
        (
            case,
            World(f"{arrange.__name__}/{case.name}"),
            in_turn(case) if case.is_ordered else arrange(case),
        )
        for case in CASES
    ]
    for case, world, _steps in played:
        put_in_the_ledger(engine, case, world)
    refused = play(engine, played)
    wrong = {
        case.name: (found, said)
        for case, world, _steps in played
        if (found := outcome(engine, case, world)) != (said := expected(case, world))
    }
    assert wrong == {}
    times = 3 if arrange is again_and_again else 1
    assert refused == {case.name: case.refused * times for case, _world, _steps in played}


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 100
