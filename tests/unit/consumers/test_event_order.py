"""The state of a message does not depend on the order or number of its events."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from db.states import EVENT_PROVES, MessageState, RecipientState, further, higher

proven = st.lists(st.sampled_from(sorted(set(EVENT_PROVES.values()))))


@given(start=st.sampled_from(MessageState), events=proven, again=proven, data=st.data())
def test_every_order_and_multiplicity_ends_in_the_same_state(
    start: MessageState, events: list[MessageState], again: list[MessageState], data: st.DataObject
) -> None:
    repeated = [each for each in again if each in events]
    shuffled = data.draw(st.permutations([*events, *repeated]))
    assert reduce(further, shuffled, start) == reduce(further, events, start)


proofs = st.lists(st.sampled_from(RecipientState))


@given(start=st.sampled_from(RecipientState), proven=proofs, data=st.data())
def test_so_it_is_with_each_recipient(
    start: RecipientState, proven: list[RecipientState], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(proven + proven[:2]))
    assert reduce(higher, shuffled, start) == reduce(higher, proven, start)
