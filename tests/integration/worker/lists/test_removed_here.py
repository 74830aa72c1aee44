"""What an operator took off our list is deleted at SES, and does not come back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from config.suppression import SuppressionPolicy
from db import ses_list, ses_readings, ses_takeover
from db.suppressions import add, remove
from worker.ses import suppressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from worker.scheduler.suppression_sync import SuppressionSync


from ses_lists import ADA, BOB, REGION, RULES, age_entries, entry, here, listed, put, states


def test_what_an_operator_removes_is_deleted_there_in_its_spelling_and_stays_away(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, "Ada@Example.COM", BOB)
    sync()
    remove(engine, ADA, by="grace")
    sync()
    assert listed(ses) == {BOB: "BOUNCE"}
    sync(full=True)
    assert here(engine, ADA) == {}
    assert states(engine) == {"Ada@Example.COM": "deleted", BOB: "listed"}


def test_what_was_removed_before_the_lists_ever_met_is_deleted_there_too(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    add(engine, [entry()])
    remove(engine, ADA)
    put(ses, ADA)
    sync()
    assert (here(engine, ADA), listed(ses)) == ({}, {})


def test_a_page_that_still_has_what_was_removed_does_not_bring_it_back(
    engine: Engine, ses: Any, make: Callable[..., SuppressionSync], sync: Callable[..., None]
) -> None:
    add(engine, [entry()])
    put(ses, ADA)
    make(only_look=True).turn()
    remove(engine, ADA)
    make().turn()
    assert (here(engine, ADA), listed(ses)) == ({}, {})


def test_a_removal_just_before_a_take_over_stands_and_is_deleted_there(
    engine: Engine, ses: Any, make: Callable[..., SuppressionSync]
) -> None:
    add(engine, [entry()])
    put(ses, ADA)
    make(only_look=True).turn()
    remove(engine, ADA)
    at = ses_readings.position(engine, REGION)
    while ses_takeover.take_over(engine, at, RULES.policy) != (0, 0):
        pass
    make().turn()
    assert (here(engine, ADA), listed(ses)) == ({}, {})


def test_a_removal_in_the_midst_of_a_take_over_stands(
    engine: Engine, ses: Any, sync: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ses, ADA)
    once, real = iter([True]), ses_takeover.add_in

    def meanwhile(*arguments: Any) -> Any:
        if next(once, False):
            add(engine, [entry()])
            remove(engine, ADA)
        return real(*arguments)

    monkeypatch.setattr(ses_takeover, "add_in", meanwhile)
    sync()
    assert here(engine, ADA) == {}
    sync()
    assert listed(ses) == {}


def test_a_removal_waits_for_a_take_over_of_its_address_and_stands(
    engine: Engine, ses: Any, sync: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, [entry()])
    put(ses, ADA)
    removing, real = threading.Thread(target=remove, args=(engine, ADA)), ses_takeover.add_in

    def meanwhile(*arguments: Any) -> Any:
        if not removing.ident:
            removing.start()
        return real(*arguments)

    monkeypatch.setattr(ses_takeover, "add_in", meanwhile)
    sync()
    removing.join()
    sync()
    assert (here(engine, ADA), listed(ses)) == ({}, {})


def test_a_complaint_removed_from_one_stream_only_does_not_come_back_to_it(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    policy = SuppressionPolicy(complaint_streams=("marketing", "news"))
    put(ses, ADA, reason="COMPLAINT")
    add(engine, [entry(reason="complaint", scope=each) for each in ("marketing", "news")])
    remove(engine, ADA, scope="news")
    sync(policy=policy)
    assert here(engine, ADA) == {"marketing": "complaint"}
    assert listed(ses) == {ADA: "COMPLAINT"}
    remove(engine, ADA)
    sync(policy=policy)
    assert listed(ses) == {}


def test_a_stream_that_is_joined_again_leaves_ses_s_list_alone(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    add(engine, [entry(reason="unsubscribe", scope="marketing")])
    sync()
    remove(engine, ADA, scope="marketing")
    sync()
    assert (here(engine, ADA), listed(ses)) == ({"*": "bounce"}, {ADA: "BOUNCE"})


def test_what_is_back_on_our_list_before_it_was_deleted_there_stays_there(
    engine: Engine, ses: Any, make: Callable[..., SuppressionSync], sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    add(engine, [entry()])
    sync()
    assert (here(engine, ADA), listed(ses)) == ({"*": "bounce"}, {ADA: "BOUNCE"})


@pytest.mark.parametrize("late", [False, True])
def test_a_bounce_by_ses_s_list_between_removal_and_deletion_does_not_undo_the_removal(
    engine: Engine, ses: Any, sync: Callable[..., None], *, late: bool
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    if late:
        sync()
    add(engine, [entry(reason="account_list")])
    sync()
    assert (here(engine, ADA), listed(ses)) == ({}, {})


def test_a_bounce_that_comes_in_the_moment_of_a_deletion_is_put_there_again(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    ses.meta.events.register_first(
        "before-call.sesv2.DeleteSuppressedDestination", lambda **_: add(engine, [entry()]) and None
    )
    sync()
    assert listed(ses) == {}
    age_entries(engine)
    sync()
    assert listed(ses) == {ADA: "BOUNCE"}


def test_a_new_listing_long_after_a_removal_counts_again(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_suppression_changes SET changed_at = now() - interval '2 minutes'")
        )
        connection.execute(text("UPDATE ses_suppression_readings SET settled_until = 'epoch'"))
    sync()
    put(ses, ADA)
    sync()
    assert here(engine, ADA) == {"*": "bounce"}


def test_a_page_older_than_a_deletion_brings_nothing_back(
    engine: Engine, ses: Any, sync: Callable[..., None], make: Callable[..., SuppressionSync]
) -> None:
    put(ses, ADA)
    sync()
    old = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    remove(engine, ADA)
    sync()
    with engine.begin() as connection:
        connection.execute(text("UPDATE ses_suppression_readings SET settled_until = now()"))
    make().begin()
    ses_list.keep_page(
        engine, ses_readings.position(engine, REGION), list(map(suppressed._listing, old)), None
    )
    while make().turn():
        pass
    assert here(engine, ADA) == {}
