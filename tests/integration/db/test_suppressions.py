"""The suppression list keeps the strongest reason and says what it changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from db.suppressions import EVERYWHERE, PAGE, REASONS, Suppression, add, find, pages, remove

if TYPE_CHECKING:
    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
SOON = datetime.now(UTC) + timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(hours=2)
PAST = datetime.now(UTC) - timedelta(hours=1)


def entry(address: str = ADA, reason: str = "bounce", **parts: object) -> Suppression:
    return Suppression(**{"address": address, "reason": reason, "source": "test", **parts})


def test_an_address_that_was_added_is_found_with_its_evidence(engine: Engine) -> None:
    changed = add(engine, [entry(feedback_id="feedback-1", note="Permanent/General")])
    assert [each.address for each in changed] == [ADA]
    [found] = find(engine, ADA)
    assert (found.reason, found.source, found.scope) == ("bounce", "test", EVERYWHERE)
    assert (found.feedback_id, found.note) == ("feedback-1", "Permanent/General")
    assert found.created_at is not None


def test_adding_nothing_changes_nothing(engine: Engine) -> None:
    assert add(engine, []) == []


@pytest.mark.parametrize("weaker", REASONS)
@pytest.mark.parametrize("stronger", REASONS)
def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way(
    engine: Engine, weaker: str, stronger: str
) -> None:
    if REASONS.index(weaker) >= REASONS.index(stronger):
        weaker, stronger = stronger, weaker
    add(engine, [entry(reason=weaker)])
    replaced = add(engine, [entry(reason=stronger)])
    assert len(replaced) == (weaker != stronger)
    assert add(engine, [entry(reason=weaker)]) == []
    assert [each.reason for each in find(engine, ADA)] == [stronger]


def test_the_strongest_of_one_batch_is_taken(engine: Engine) -> None:
    batch = [entry(), entry(reason="manual"), entry(reason="complaint")]
    assert [each.reason for each in add(engine, batch)] == ["manual"]


def test_an_expired_entry_gives_way_to_any_reason(engine: Engine) -> None:
    add(engine, [entry(reason="complaint", expires_at=PAST)])
    assert len(add(engine, [entry(reason="unsubscribe")])) == 1
    assert [each.reason for each in find(engine, ADA)] == ["unsubscribe"]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_what_is_over_already_takes_the_place_of_nothing(
    engine: Engine, *, in_one_batch: bool
) -> None:
    told = [entry(expires_at=SOON), entry(reason="manual", expires_at=PAST)]
    for batch in [told] if in_one_batch else [[each] for each in told]:
        add(engine, batch)
    assert [(each.reason, each.expires_at) for each in find(engine, ADA)] == [("bounce", SOON)]


@pytest.mark.parametrize("longer", [LATER, None])
def test_the_same_reason_that_lasts_longer_replaces_the_shorter(
    engine: Engine, longer: datetime | None
) -> None:
    add(engine, [entry(expires_at=SOON)])
    assert len(add(engine, [entry(expires_at=longer)])) == 1
    assert [each.expires_at for each in find(engine, ADA)] == [longer]
    assert add(engine, [entry(expires_at=SOON)]) == []


def test_of_the_same_reason_twice_in_a_batch_the_longer_is_taken(engine: Engine) -> None:
    add(engine, [entry(expires_at=SOON), entry(), entry(expires_at=LATER)])
    assert [each.expires_at for each in find(engine, ADA)] == [None]


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(
    ("first", "second"), [("unsubscribe", "bounce"), ("complaint", "bounce"), ("bounce", "bounce")]
)
def test_what_is_for_ever_is_not_ended_by_another_reason_that_expires(
    engine: Engine, first: str, second: str, *, in_one_batch: bool
) -> None:
    first_is_for_ever = first == "unsubscribe"
    entries = [
        entry(reason=first, expires_at=None if first_is_for_ever else SOON),
        entry(reason=second, expires_at=SOON if first_is_for_ever else None),
    ]
    for batch in [entries] if in_one_batch else [[each] for each in entries]:
        add(engine, batch)
    [found] = find(engine, ADA)
    assert found.expires_at is None
    assert found.reason == max(first, second, key=REASONS.index)


def test_scopes_stand_side_by_side(engine: Engine) -> None:
    add(engine, [entry(scope="marketing", reason="unsubscribe"), entry(reason="complaint")])
    assert {each.scope: each.reason for each in find(engine, ADA)} == {
        "marketing": "unsubscribe",
        EVERYWHERE: "complaint",
    }
    assert remove(engine, ADA, scope="marketing") == 1
    assert [each.scope for each in find(engine, ADA)] == [EVERYWHERE]


def test_only_the_scope_that_changed_is_answered(engine: Engine) -> None:
    add(engine, [entry(scope="marketing", reason="complaint")])
    changed = add(engine, [entry(scope="marketing", reason="unsubscribe"), entry(scope="news")])
    assert [each.scope for each in changed] == ["news"]


def test_removing_without_a_scope_removes_every_entry(engine: Engine) -> None:
    add(engine, [entry(), entry(scope="marketing"), entry(BOB)])
    assert remove(engine, ADA) == 2
    assert find(engine, ADA) == []
    assert len(find(engine, BOB)) == 1


def test_the_list_comes_in_pages_and_whole(engine: Engine) -> None:
    addresses = [f"n{number:05d}@example.com" for number in range(PAGE + 5)]
    add(engine, [entry(address) for address in addresses])
    add(engine, [entry("zed@example.com", "complaint")])
    sizes = [len(page) for page in pages(engine)]
    assert sizes == [PAGE, 6]
    listed = [each.address for page in pages(engine, reason="bounce") for each in page]
    assert listed == addresses
