"""State and event, in the ledger itself: the whole product, in any order and any number."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from config.suppression import SuppressionPolicy
from db.event_joins import join_tagged
from db.event_types import Event
from db.events import apply
from db.states import (
    EVENT_PROVES,
    EventKind,
    MessageState,
    RecipientState,
    further,
    higher,
)
from said import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Engine

ADDRESSES = ("ada@example.com", "bob, the {\"best\\}'@example.com", "cyd@example.com")


def put(
    engine: Engine, messages: Mapping[UUID, MessageState], recipients: Mapping[str, RecipientState]
) -> None:
    """Messages in these states, each to all of these recipients."""
    message = text("INSERT INTO email_messages (id, stream, state) VALUES (:id, 'news', :state)")
    recipient = text(
        "INSERT INTO email_recipients (message_id, address, state) VALUES (:m, :a, :s)"
    )
    with engine.begin() as connection:
        for each, state in messages.items():
            connection.execute(message, {"id": each, "state": state})
            for address, its in recipients.items():
                connection.execute(recipient, {"m": each, "a": address, "s": its})


def states(engine: Engine) -> dict[UUID, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, state FROM email_messages"))
        return {row.id: row.state for row in rows}


def recipients_of(engine: Engine, message_id: UUID) -> dict[str, str]:
    told = text("SELECT address, state FROM email_recipients WHERE message_id = :id")
    with engine.connect() as connection:
        return {row.address: row.state for row in connection.execute(told, {"id": message_id})}


def an_event(
    kind: EventKind, message_id: UUID, proven: Mapping[str, RecipientState], *, tagged: bool = True
) -> Event:
    return Event(
        identity=f"{kind}:{uuid4()}",
        kind=kind,
        occurred_at=NOW,
        raw={},
        ses_message_id=f"ses-{message_id}",
        message_id=message_id if tagged else None,
        recipients=proven,
    )


def test_every_state_and_event_of_a_message_lead_where_the_table_says(engine: Engine) -> None:
    pairs = {uuid4(): pair for pair in product(MessageState, EventKind)}
    put(engine, {each: state for each, (state, _kind) in pairs.items()}, {})
    apply(engine, [an_event(kind, each, {}) for each, (_state, kind) in pairs.items()])
    expected = {each: further(state, EVENT_PROVES[kind]) for each, (state, kind) in pairs.items()}
    assert states(engine) == expected


def test_every_state_and_proof_of_a_recipient_lead_where_the_table_says(engine: Engine) -> None:
    message_id = uuid4()
    pairs = {
        f"{number}@example.com": pair
        for number, pair in enumerate(product(RecipientState, RecipientState))
    }
    put(
        engine,
        {message_id: MessageState.SENT},
        {address: state for address, (state, _proven) in pairs.items()},
    )
    proven = {address: proof for address, (_state, proof) in pairs.items()}
    apply(engine, [an_event(EventKind.OPEN, message_id, proven)])
    assert recipients_of(engine, message_id) == {
        address: higher(state, proof) for address, (state, proof) in pairs.items()
    }


def test_a_bounce_by_which_nobody_bounced_leaves_the_message_sent(engine: Engine) -> None:
    """Whoever is only delayed may still take it."""
    delayed, one_of_two, unnamed = (uuid4() for _ in range(3))
    ada, bob, _cyd = ADDRESSES
    put(engine, dict.fromkeys((delayed, one_of_two, unnamed), MessageState.SENDING), {})
    still_tried = {ada: RecipientState.DELAYED}
    told = {delayed: still_tried, one_of_two: {**still_tried, bob: RecipientState.BOUNCED}}
    bounces = [an_event(EventKind.BOUNCE, each, told.get(each, {})) for each in states(engine)]
    apply(engine, bounces)
    assert states(engine) == {
        delayed: MessageState.SENT,
        one_of_two: MessageState.BOUNCED,
        unnamed: MessageState.BOUNCED,
    }
    apply(engine, [an_event(EventKind.DELIVERY, delayed, {ada: RecipientState.DELIVERED})])
    assert states(engine)[delayed] == MessageState.DELIVERED


@pytest.mark.parametrize("kind", [EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.DELIVERY])
@pytest.mark.parametrize("late", [True, False])
def test_what_names_only_strangers_proves_of_a_message_that_ses_had_it(
    engine: Engine, kind: EventKind, *, late: bool
) -> None:
    """Where recipients forward to, say: also if the event comes before its message is there."""
    message_id = uuid4()
    told = an_event(kind, message_id, {"cy@forwarded.example": RecipientState.PENDING})
    if late:
        apply(engine, [told])
    put(engine, {message_id: MessageState.SENDING}, {ADDRESSES[0]: RecipientState.PENDING})
    if late:
        assert join_tagged(engine, SuppressionPolicy()) == 1
    else:
        apply(engine, [told])
    assert states(engine)[message_id] == MessageState.SENT
    assert recipients_of(engine, message_id) == {ADDRESSES[0]: RecipientState.PENDING}


proofs = st.dictionaries(st.sampled_from(ADDRESSES), st.sampled_from(RecipientState), max_size=3)
told = st.tuples(st.sampled_from(EventKind), proofs, st.booleans())


@given(
    state=st.sampled_from(MessageState),
    pending=st.sampled_from(RecipientState),
    life=st.lists(told, min_size=1, max_size=6),
    data=st.data(),
)
@examples(
    max_examples=120,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_order_and_multiplicity_of_events_ends_in_the_same_states(
    engine: Engine,
    state: MessageState,
    pending: RecipientState,
    life: Sequence[tuple[EventKind, dict[str, RecipientState], bool]],
    data: st.DataObject,
) -> None:
    """Whatever the life, also where it ends low: the highest that was told, and nothing higher."""
    message_id = uuid4()
    put(engine, {message_id: state}, dict.fromkeys(ADDRESSES, pending))
    # The tag of the first names the message to SES's id, for those without a tag.
    first = an_event(life[0][0], message_id, life[0][1])
    rest = [an_event(kind, message_id, proven, tagged=tag) for kind, proven, tag in life[1:]]
    apply(engine, [first])
    repeated = data.draw(st.lists(st.sampled_from([first, *rest])))
    order = data.draw(st.permutations(rest + repeated))
    while order:
        size = data.draw(st.integers(1, 4))
        apply(engine, order[:size])
        order = order[size:]
    assert states(engine)[message_id] == reduce(
        further, [each.proves_of_message for each in (first, *rest)], state
    )
    expected = {
        address: reduce(higher, [each[1][address] for each in life if address in each[1]], pending)
        for address in ADDRESSES
    }
    assert recipients_of(engine, message_id) == expected
