"""What somebody took off SES's own list: reported, and followed if so wished."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from db import ses_drift, ses_list
from db.suppression_changes import history
from db.suppressions import add

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sqlalchemy import Engine

    from worker.scheduler.suppression_sync import SuppressionSync


from ses_lists import ADA, BOB, EVE, REGION, age_entries, entry, here, listed, put, states


def test_what_somebody_removes_there_is_reported_kept_and_not_put_back(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA, BOB)
    sync()
    age_entries(engine)
    ses.delete_suppressed_destination(EmailAddress=ADA)
    sync(full=True)
    sync(full=True)
    assert here(engine, ADA) == {"*": "bounce"}
    assert listed(ses) == {BOB: "BOUNCE"}
    [found] = ses_drift.differences(engine, REGION, ses_drift.REMOVED_THERE, most=10)
    assert (found.address, found.reason) == (ADA, "BOUNCE")
    assert ses_drift.counts(engine, REGION)[ses_drift.TO_PUT] == 0


def test_what_somebody_removes_there_is_removed_here_if_so_wished(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA, BOB)
    sync()
    add(engine, [entry(BOB, "manual")])
    for address in (ADA, BOB):
        ses.delete_suppressed_destination(EmailAddress=address)
    sync(full=True, follow=True)
    assert (here(engine, ADA), here(engine, BOB)) == ({}, {"*": "manual"})
    last = history(engine, ADA)[-1]
    assert (last.action, last.source) == ("removed", "ses-account-list")


def test_a_list_that_was_emptied_as_a_whole_is_not_followed(
    engine: Engine, ses: Any, sync: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.scheduler.suppression_sync.FOLLOWED_IN_ANY_CASE", 1)
    put(ses, ADA, BOB)
    sync()
    for address in (ADA, BOB):
        ses.delete_suppressed_destination(EmailAddress=address)
    sync(full=True, follow=True)
    assert (here(engine, ADA), here(engine, BOB)) == ({"*": "bounce"}, {"*": "bounce"})


def test_what_a_full_reading_missed_is_asked_about_before_it_counts_as_gone(
    engine: Engine, ses: Any, sync: Callable[..., None], make: Callable[..., SuppressionSync]
) -> None:
    put(ses, ADA)
    sync()
    ses.delete_suppressed_destination(EmailAddress=ADA)
    make(full=True, only_look=True).begin()
    make(full=True, only_look=True).turn()
    assert states(engine) == {ADA: "unseen"}
    put(ses, ADA)
    while make(follow=True).turn():
        pass
    assert states(engine)[ADA] != "gone"
    assert here(engine, ADA) == {"*": "bounce"}


def test_a_long_list_that_is_gone_is_asked_about_over_several_runs(
    engine: Engine, ses: Any, sync: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.scheduler.suppression_sync.ASKED_AT_MOST", 2)
    monkeypatch.setattr(ses_list, "AT_ONCE", 1)
    addresses = [ADA, BOB, EVE]
    put(ses, *addresses)
    sync()
    for address in addresses:
        ses.delete_suppressed_destination(EmailAddress=address)
    sync(full=True)
    assert Counter(states(engine).values()) == {"gone": 2, "unseen": 1}
    sync()
    assert Counter(states(engine).values()) == {"gone": 3}
    assert listed(ses) == {}


def test_a_new_bounce_of_what_was_removed_there_is_put_there_again(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    ses.delete_suppressed_destination(EmailAddress=ADA)
    sync(full=True, follow=True)
    add(engine, [entry()])
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE ses_suppressions SET changed_at = now() - interval '2 hours'")
        )
        connection.execute(
            text("UPDATE email_suppressions SET created_at = now() - interval '1 hour'")
        )
    sync()
    assert listed(ses) == {ADA: "BOUNCE"}
