"""Our suppression list and SES's own come in step, both ways. Real database, simulator, HTTP."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text
from structlog.testing import capture_logs

from config import aws
from config.settings import load_settings
from config.suppression import SuppressionPolicy
from db import ses_drift, ses_list, ses_readings, ses_takeover
from db.suppression_changes import history
from db.suppressions import Suppression, add, find, remove
from sandbox.aws.server import SimulatorThread
from worker.scheduler.suppression_sync import SuppressionSync, SyncRules
from worker.ses import suppressed
from worker.ses.spacing import Spacing
from worker.ses.suppressed import SuppressedDestinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from sandbox.aws.control import Control

REGION = "eu-west-1"
ADA = "ada@example.com"
BOB = "bob@example.com"
EVE = "eve@example.com"
LISTS = "ListSuppressedDestinations"
RULES = SyncRules(region=REGION, policy=SuppressionPolicy())


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture(autouse=True)
def control(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    return simulator.control


@pytest.fixture
def ses(control: Control) -> Any:
    return aws.ses_paced(load_settings())


@pytest.fixture
def done() -> Counter[str]:
    return Counter()


@pytest.fixture
def make(engine: Engine, ses: Any, done: Counter[str]) -> Callable[..., SuppressionSync]:
    """Makes a process's part of it, as these rules want it; its calls keep no distance."""

    def made(**rules: Any) -> SuppressionSync:
        there = SuppressedDestinations(ses, Spacing(threading.Event(), seconds=0.0))

        def count(step: str, number: int) -> None:
            done[step] += number

        return SuppressionSync(engine, there, replace(RULES, **rules), count)

    return made


@pytest.fixture
def sync(engine: Engine, make: Callable[..., SuppressionSync]) -> Callable[..., None]:
    """Brings the lists in step, once."""

    def run(**rules: Any) -> None:
        step = make(**rules)
        step.begin()
        while step.turn():
            pass

    return run


def listed(ses: Any) -> dict[str, str]:
    answer = ses.list_suppressed_destinations()
    return {
        entry["EmailAddress"]: entry["Reason"] for entry in answer["SuppressedDestinationSummaries"]
    }


def put(ses: Any, *addresses: str, reason: str = "BOUNCE") -> None:
    for address in addresses:
        ses.put_suppressed_destination(EmailAddress=address, Reason=reason)


def entry(address: str = ADA, reason: str = "bounce", **parts: Any) -> Suppression:
    return Suppression(**{"address": address, "reason": reason, "source": "event", **parts})


def add_long_ago(engine: Engine, *entries: Suppression) -> None:
    """What came just now SES may be about to list by itself."""
    add(engine, entries)
    age_entries(engine)


def age_entries(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_suppressions SET created_at = created_at - interval '1 hour'")
        )


def here(engine: Engine, address: str) -> dict[str, str]:
    return {each.scope: each.reason for each in find(engine, address)}


def states(engine: Engine) -> dict[str, str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT spelling, state FROM ses_suppressions"))
        return {row.spelling: row.state for row in rows}


# --- from there to here


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


# --- from here to there


def test_bounces_and_complaints_that_ses_lacks_are_put_there_and_nothing_else(
    engine: Engine, ses: Any, sync: Callable[..., None], done: Counter[str]
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    add_long_ago(
        engine,
        entry(),
        entry(BOB, "complaint"),
        entry("manual@example.com", "manual"),
        entry("left@example.com", "unsubscribe"),
        entry("mirror@example.com", "account_list"),
        entry("soft@example.com", "soft_bounce", expires_at=later),
        entry("passing@example.com", expires_at=later),
        entry("scoped@example.com", "complaint", scope="marketing"),
        entry("bounce@simulator.amazonses.com"),
    )
    sync()
    assert listed(ses) == {ADA: "BOUNCE", BOB: "COMPLAINT"}
    sync()
    assert done["put"] == 2


def test_what_came_while_the_list_was_read_is_left_for_ses_to_list_itself(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    add(engine, [entry()])
    sync()
    assert listed(ses) == {}


def test_an_address_that_ses_does_not_take_holds_up_no_other(
    engine: Engine, control: Control, ses: Any, sync: Callable[..., None]
) -> None:
    add_long_ago(engine, entry(), entry(BOB))
    refused = {"status": 400, "code": "BadRequestException", "times": 1}
    control.fault("ses", "PutSuppressedDestination", "status", **refused)
    sync()
    sync()
    assert listed(ses) == {BOB: "BOUNCE"}
    assert states(engine) == {ADA: "unfit", BOB: "listed"}


def test_a_long_list_is_swept_to_its_end(
    engine: Engine, ses: Any, sync: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ses_drift, "SWEEP", 2)
    addresses = [f"n{number}@example.com" for number in range(5)]
    add_long_ago(engine, *(entry(address) for address in addresses))
    assert ses_drift.counts(engine, REGION)[ses_drift.TO_PUT] == 0
    sync()
    assert sorted(listed(ses)) == addresses


# --- removed here


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


# --- removed there


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


# --- interrupted


def test_an_interrupted_reading_goes_on_at_its_page(
    engine: Engine,
    control: Control,
    ses: Any,
    make: Callable[..., SuppressionSync],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suppressed, "PAGE", 1)
    put(ses, ADA, BOB, EVE)
    killed = make()
    killed.begin()
    killed._step()
    del killed
    control.fault("ses", LISTS, "status", status=500, times=1)
    with pytest.raises(ClientError):
        make().turn()
    while make().turn():
        pass
    assert control.calls()[f"ses.{LISTS}"] == {"200": 3, "500": 1}
    assert [len(find(engine, address)) for address in (ADA, BOB, EVE)] == [1, 1, 1]


def test_of_two_that_hold_the_same_page_only_one_keeps_it(engine: Engine, ses: Any) -> None:
    put(ses, ADA)
    at = ses_readings.position(engine, REGION)
    ses_readings.begin(engine, at, full=True, full_seconds=60)
    at = ses_readings.position(engine, REGION)
    ses_list.keep_page(engine, at, [], "next")
    with pytest.raises(ses_readings.MovedOnError):
        ses_list.keep_page(engine, at, [ses_list.Listing(ADA, "BOUNCE")], "next")
    assert states(engine) == {}


def test_a_token_that_ses_knows_no_more_begins_the_reading_anew(
    engine: Engine, ses: Any, make: Callable[..., SuppressionSync], sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    make().begin()
    with engine.begin() as connection:
        connection.execute(text("UPDATE ses_suppression_readings SET token = '%%%'"))
    sync()
    assert here(engine, ADA) == {"*": "bounce"}


def test_a_call_that_was_throttled_is_made_again(
    engine: Engine, control: Control, ses: Any, sync: Callable[..., None], done: Counter[str]
) -> None:
    put(ses, ADA)
    too_many = {"status": 429, "code": "TooManyRequestsException", "times": 3}
    control.fault("ses", LISTS, "status", **too_many)
    sync()
    assert done["throttled"] == 3
    assert here(engine, ADA) == {"*": "bounce"}


def test_what_is_throttled_without_end_fails_instead_of_waiting_for_ever(
    control: Control, make: Callable[..., SuppressionSync]
) -> None:
    control.fault("ses", LISTS, "status", status=429, code="TooManyRequestsException")
    with pytest.raises(ClientError):
        make().turn()


def test_a_deletion_whose_answer_was_lost_is_made_again_and_does_no_harm(
    engine: Engine, control: Control, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    control.fault("ses", "DeleteSuppressedDestination", "error_after", times=1)
    with pytest.raises(ClientError):
        sync()
    sync()
    assert states(engine) == {ADA: "deleted"}


# --- the manner of it


def test_no_connection_is_held_during_a_call_to_ses(
    engine: Engine, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA, EVE)
    add_long_ago(engine, entry(BOB))
    held: list[int] = []
    ses.meta.events.register(
        "before-call.sesv2.*",
        lambda **_: held.append(engine.pool.checkedout()),  # type: ignore[attr-defined]
    )
    sync()
    remove(engine, ADA)
    ses.delete_suppressed_destination(EmailAddress=EVE)
    sync(full=True)
    assert len(held) > 5
    assert set(held) == {0}


def test_nothing_in_the_logs_holds_an_address(
    engine: Engine, control: Control, ses: Any, sync: Callable[..., None]
) -> None:
    put(ses, ADA)
    sync()
    remove(engine, ADA)
    refused = {"status": 400, "code": "BadRequestException", "message": f"bad: {ADA}"}
    control.fault("ses", "DeleteSuppressedDestination", "status", **refused)
    with capture_logs() as lines:
        sync(full=True)
    assert "@" not in str(lines)
    assert states(engine) == {ADA: "stuck"}


def test_to_look_changes_neither_list(engine: Engine, ses: Any, sync: Callable[..., None]) -> None:
    put(ses, ADA)
    add_long_ago(engine, entry(BOB))
    sync(full=True, only_look=True)
    assert (here(engine, ADA), listed(ses)) == ({}, {ADA: "BOUNCE"})
    counts = ses_drift.counts(engine, REGION)
    assert (counts[ses_drift.TO_TAKE], counts[ses_drift.TO_PUT]) == (1, 1)
    sync()
    assert not any(ses_drift.counts(engine, REGION).values())
