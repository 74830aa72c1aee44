"""A list that is loaded by the million ends as it would if its lines were added one by one."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from db import suppression_loading
from db.suppression_changes import history
from db.suppression_loading import Verdicts, loading
from db.suppressions import EVERYWHERE, REASONS, Suppression, add, add_in, find
from said import DAY, NOW
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from sqlalchemy import Engine

ADA = "ada@example.com"


def load(engine: Engine, entries: Sequence[Suppression]) -> Verdicts:
    with loading(engine) as aside:
        found = aside.take(entries)
        for _rows, verdicts in aside.merge(by="Grace"):
            found.add(verdicts)
        return found


def held(engine: Engine, address: str) -> list[tuple[object, ...]]:
    return [(each.scope, each.reason, each.note, each.expires_at) for each in find(engine, address)]


lines = st.lists(
    st.tuples(
        st.sampled_from(REASONS),
        st.sampled_from([EVERYWHERE, "marketing"]),
        st.one_of(st.none(), st.integers(1, 5)),
        st.sampled_from(["one", "two"]),
    ),
    max_size=6,
)


def entries_for(
    address: str, told: Sequence[tuple[str, str, int | None, str]]
) -> list[Suppression]:
    return [
        Suppression(
            address, reason, "test", scope, note, expires_at=NOW + days * DAY if days else None
        )
        for reason, scope, days, note in told
    ]


@given(there=lines, told=lines)
@example(
    there=[],
    told=[
        ("soft_bounce", "marketing", None, "one"),
        ("account_list", "marketing", 1, "one"),
        ("account_list", "marketing", None, "two"),
    ],
)
@examples(
    max_examples=60,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_loaded_leaves_what_adding_it_would_have_left(
    engine: Engine,
    there: list[tuple[str, str, int | None, str]],
    told: list[tuple[str, str, int | None, str]],
) -> None:
    added, loaded = (f"{uuid4()}@example.com" for _ in range(2))
    for address in (added, loaded):
        add(engine, entries_for(address, there))
    changed = add(engine, entries_for(added, told))
    verdicts = load(engine, entries_for(loaded, told))
    assert held(engine, loaded) == held(engine, added)
    assert verdicts.changes == len(changed)
    assert [(each.scope, each.action, each.entry_reason) for each in history(engine, loaded)] == [
        (each.scope, each.action, each.entry_reason) for each in history(engine, added)
    ]
    assert load(engine, entries_for(loaded, told)).changes == 0


def test_a_complaint_that_comes_at_the_same_moment_is_not_overwritten(engine: Engine) -> None:
    done: list[Verdicts] = []
    weaker = [Suppression(ADA, "bounce", "import")]
    loader = threading.Thread(target=lambda: done.append(load(engine, weaker)))
    with engine.begin() as connection:
        add_in(connection, [Suppression(ADA, "complaint", "event")])
        loader.start()
        until(lambda: waits_for_a_lock(engine), "the import waits for the complaint")
    loader.join(30)
    assert [each.reason for each in find(engine, ADA)] == ["complaint"]
    assert (done[0].changes, done[0].kept) == (0, 1)
    assert [each.reason for each in history(engine, ADA)] == ["complaint"]


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(connection.scalar(text(waiting)))


def test_what_was_merged_stays_when_a_later_part_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression_loading, "ROWS_A_TRANSACTION", 2)
    entries = [Suppression(f"a{n}@example.com", "bounce", "import") for n in range(5)]
    with loading(engine) as aside:
        aside.take(entries)
        assert next(aside.merge(by="Grace")) == (2, Verdicts(new=2))
    with loading(engine) as aside:
        aside.take(entries)
        assert [rows for rows, _verdicts in aside.compare()] == [2, 2, 1]
    assert load(engine, entries) == Verdicts(new=3, same=2)
    assert all(len(history(engine, each.address)) == 1 for each in entries)
