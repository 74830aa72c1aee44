"""The messages of a queue, under any order of operations and any passing of time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sandbox.aws.sqs.store import MessageStore, State, StoredMessage


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def message(body: str = "hello", sent_at_ms: int = 0) -> StoredMessage:
    return StoredMessage("id", body, "digest", sent_at_ms)


class StoreMachine(RuleBasedStateMachine):
    """Compares the store with a plain list of when each message becomes visible."""

    held = Bundle("held")
    seconds = st.integers(min_value=1, max_value=50)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = MessageStore(self.clock)
        self.visible_at: dict[int, float] = {}
        self.hidden_as: dict[int, State] = {}

    def _is_visible(self, serial: int) -> bool:
        return self.visible_at[serial] <= self.clock.now

    @rule(delay=st.integers(min_value=0, max_value=20))
    def send(self, delay: int) -> None:
        new = message()
        self.store.add(new, delay)
        self.visible_at[new.serial] = self.clock.now + delay
        self.hidden_as[new.serial] = State.DELAYED

    @rule(target=held, timeout=seconds)
    def receive(self, timeout: int) -> StoredMessage | None:
        self.store.advance()
        taken = self.store.take()
        if taken is None:
            assert not any(map(self._is_visible, self.visible_at))
            return None
        assert self._is_visible(taken.serial)
        self.store.hide(taken, timeout)
        self.visible_at[taken.serial] = self.clock.now + timeout
        self.hidden_as[taken.serial] = State.IN_FLIGHT
        return taken

    @rule(taken=held, timeout=seconds)
    def extend(self, taken: StoredMessage | None, timeout: int) -> None:
        self.store.advance()
        if taken and taken.serial in self.visible_at and taken.state is State.IN_FLIGHT:
            self.store.hide(taken, timeout)
            self.visible_at[taken.serial] = self.clock.now + timeout

    @rule(taken=held)
    def give_back(self, taken: StoredMessage | None) -> None:
        self.store.advance()
        if taken and taken.serial in self.visible_at and taken.state is State.IN_FLIGHT:
            self.store.put_back(taken)
            self.visible_at[taken.serial] = self.clock.now

    @rule(taken=consumes(held))
    def delete(self, taken: StoredMessage | None) -> None:
        if taken and self.store.get(taken.serial) is taken:
            self.store.remove(taken)
            del self.visible_at[taken.serial]

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @invariant()
    def counts_agree(self) -> None:
        self.store.advance()
        hidden = [serial for serial in self.visible_at if not self._is_visible(serial)]
        delayed = [serial for serial in hidden if self.hidden_as[serial] is State.DELAYED]
        assert len(self.store) == len(self.visible_at)
        assert self.store.visible == len(self.visible_at) - len(hidden)
        assert self.store.delayed == len(delayed)
        assert self.store.in_flight == len(hidden) - len(delayed)

    @invariant()
    def the_next_time_is_known(self) -> None:
        due = [at for serial, at in self.visible_at.items() if not self._is_visible(serial)]
        assert self.store.next_due() == (min(due) if due else None)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def test_messages_are_taken_in_the_order_of_sending() -> None:
    store = MessageStore(Clock())
    for body in "abc":
        store.add(message(body))

    assert [taken.body for taken in iter(store.take, None)] == ["a", "b", "c"]


def test_outdated_timers_do_not_pile_up() -> None:
    store = MessageStore(Clock())
    store.add(message())
    taken = store.take()
    assert taken is not None

    for _ in range(30_000):
        store.hide(taken, 600)

    assert len(store._timers) <= 10_003


def test_messages_past_their_retention_are_dropped() -> None:
    store = MessageStore(Clock())
    for sent_at_ms in (100, 200, 300):
        store.add(message(sent_at_ms=sent_at_ms))

    store.expire(sent_before_ms=250)

    assert [kept.sent_at_ms for kept in store] == [300]
    assert store.visible == 1
