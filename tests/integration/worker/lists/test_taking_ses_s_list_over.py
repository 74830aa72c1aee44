"""What SES's own list holds comes onto ours. Real database, simulator, HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from config.suppression import SuppressionPolicy
from db import ses_drift, ses_readings
from db.suppression_changes import history
from db.suppressions import add, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from worker.scheduler.suppression_sync import SuppressionSync


from ses_lists import ADA, BOB, REGION, entry, here, put


def test_what_ses_lists_is_taken_over_with_its_reason_and_where_it_comes_from(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, "Ada@Example.COM")
    put(ses, BOB, reason="COMPLAINT")
    sync()
    [ada] = find(engine, ADA)
    assert (ada.scope, ada.reason, ada.source) == ("*", "bounce", "ses-account-list")
    assert (ada.expires_at, here(engine, BOB)) == (None, {"*": "complaint"})
    [first] = history(engine, ADA)
    assert (first.action, first.source, first.by) == ("added", "ses-account-list", None)


@pytest.mark.parametrize("stricter", ["complaint", "manual"])
def test_a_stricter_cause_is_not_overwritten(
    engine: Engine, ses: Any, sync: Callable[..., None], stricter: str
) -> None:
    add(engine, [entry(reason=stricter)])
    put(ses, ADA)
    sync()
    assert here(engine, ADA) == {"*": stricter}
    assert len(history(engine, ADA)) == 1


def test_streams_and_times_are_those_of_the_policy(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    policy = SuppressionPolicy(
        complaint_streams=("marketing", "news"), bounce_lasts=timedelta(days=30)
    )
    put(ses, ADA, reason="COMPLAINT")
    put(ses, BOB)
    sync(policy=policy)
    assert here(engine, ADA) == {"marketing": "complaint", "news": "complaint"}
    [bob] = find(engine, BOB)
    assert bob.expires_at is not None
    age = bob.expires_at - datetime.now(UTC)
    assert timedelta(days=29) < age <= timedelta(days=30)


def test_what_the_policy_has_let_expire_is_reported_and_comes_not_back(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync(policy=SuppressionPolicy(bounce_lasts=timedelta(microseconds=1)))
    assert here(engine, ADA) == {}
    assert ses_drift.counts(engine, REGION)[ses_drift.ONLY_THERE] == 1


def test_a_second_reading_asks_only_for_what_is_new_and_a_full_one_for_all(
    engine: Engine, ses: Any, sync: Callable[..., None], make: Callable[..., SuppressionSync]
) -> None:
    put(ses, ADA)
    sync()
    put(ses, BOB)
    sync()
    at = ses_readings.position(engine, REGION)
    assert not at.is_full
    assert at.since is not None
    assert here(engine, BOB) == {"*": "bounce"}
    make(full_seconds=0.0).begin()
    at = ses_readings.position(engine, REGION)
    assert (at.is_full, at.since) == (True, None)


def test_a_listing_with_a_new_reason_is_taken_over_again(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    put(ses, ADA, reason="COMPLAINT")
    sync()
    assert here(engine, ADA) == {"*": "complaint"}
