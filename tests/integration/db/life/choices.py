"""What a life can be made of: the values that its rules draw from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from db.states import EventKind
from life.world import GRACE_SECONDS, LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    Item = TypeVar("Item")

ADDRESSES = ("ada@example.com", "bob@example.com", "cyd@example.com")
STREAMS = ("transactional", "marketing")
FEEDBACK = (EventKind.DELIVERY, EventKind.BOUNCE, EventKind.COMPLAINT)

picks = st.integers(min_value=0, max_value=5)
# More than nothing, a call to SES, a lease, the way of an event, a grace time.
spans = st.sampled_from([1.0, 40.0, LEASE_SECONDS + 1, 210.0, GRACE_SECONDS + 1])
later = st.none() | st.sampled_from([50.5, 150.5, 400.5])
recipients = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True)


def one(items: Sequence[Item], pick: int) -> Item:
    """The item that a number from `picks` means, however many there are."""
    return items[pick % len(items)]
