"""What SES lacks is put on its list, and how that is done. Real database, HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from db import ses_drift
from db.suppressions import add, remove

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import pytest
    from sqlalchemy import Engine

    from sandbox.aws.control import Control

from ses_lists import ADA, BOB, EVE, REGION, add_long_ago, entry, here, listed, put, states


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
