"""A step that is killed, throttled or refused goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text

from db import ses_list, ses_readings
from db.suppressions import find, remove
from worker.ses import suppressed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from sqlalchemy import Engine

    from sandbox.aws.control import Control
    from worker.scheduler.suppression_sync import SuppressionSync

from ses_lists import ADA, BOB, EVE, LISTS, REGION, here, put, states


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
