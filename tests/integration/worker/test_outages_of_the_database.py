"""The database goes away while messages are in hand: nothing is parked, refused or forgotten."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from config.health import Progress
from config.settings import load_settings
from db import gates
from db.claims import Busy, Candidate, Claimed, claim
from db.engine import connect
from db.outages import is_outage
from worker.gatekeeper import Gatekeeper
from worker.patience import Patience
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

AWAY = OperationalError("SELECT", {}, Exception("server closed the connection"))


class Failing:
    """A call that fails so many times, then answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


def patience(stopping: threading.Event, on_wait: Callable[[], None] = lambda: None) -> Patience:
    return Patience(stopping, on_wait)


@pytest.mark.parametrize("error", [AWAY, PoolTimeoutError("no connection is free")])
def test_an_outage_is_waited_out_and_the_process_counts_as_alive(
    stopping: threading.Event, error: Exception
) -> None:
    waits: list[int] = []
    answer = patience(stopping, lambda: waits.append(1)).until_done(Failing(error, times=2))
    assert (answer, len(waits)) == ("done", 1)


@pytest.mark.parametrize("error", [DataError("x", {}, Exception()), KeyError("a bug")])
def test_what_is_no_outage_is_not_tried_again(stopping: threading.Event, error: Exception) -> None:
    call = Failing(error, times=5)
    with pytest.raises(type(error)):
        patience(stopping).until_done(call)
    assert call.left == 4


def test_a_process_that_ends_gives_the_message_back_instead_of_waiting(
    stopping: threading.Event,
) -> None:
    stopping.set()
    with pytest.raises(StoppingError):
        patience(stopping).until_done(Failing(AWAY, times=100))


def test_an_outcome_is_written_even_after_the_end_has_begun(stopping: threading.Event) -> None:
    stopping.set()
    call = Failing(AWAY, times=2)
    assert patience(stopping).until_written(call, at_the_end_seconds=30) == "done"


def test_at_the_end_an_outcome_that_cannot_be_written_is_given_up(
    stopping: threading.Event,
) -> None:
    stopping.set()
    with pytest.raises(OperationalError):
        patience(stopping).until_written(Failing(AWAY, times=100), at_the_end_seconds=0)


def test_a_server_that_takes_no_writes_is_an_outage(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        with pytest.raises(Exception, match="read-only") as caught:
            connection.exec_driver_sql("INSERT INTO gates (scope, reason) VALUES ('*', 'x')")
    assert is_outage(caught.value)


def candidate() -> Candidate:
    return Candidate(
        id=uuid4(),
        stream="transactional",
        recipients=["ada@example.com"],
        payload={},
        claimant=uuid4(),
    )


def test_a_claim_whose_answer_was_lost_recognises_itself(engine: Engine) -> None:
    each = candidate()
    first = claim(engine, each, lease_seconds=60, grace_seconds=60)
    again = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(first, Claimed)
    assert isinstance(again, Claimed)
    assert again.attempt == first.attempt + 1
    assert isinstance(
        claim(engine, replace(each, claimant=uuid4()), lease_seconds=60, grace_seconds=60), Busy
    )


def test_a_claim_of_somebody_else_stays_his_even_without_a_name(engine: Engine) -> None:
    each = replace(candidate(), claimant=None)
    assert isinstance(claim(engine, each, lease_seconds=60, grace_seconds=60), Claimed)
    assert isinstance(claim(engine, each, lease_seconds=60, grace_seconds=60), Busy)


def test_while_the_database_is_away_nothing_is_received_and_nothing_in_hand_is_put_aside(
    stopping: threading.Event,
) -> None:
    away = connect(load_settings(database_url="postgresql://me@127.0.0.1:1/none"))
    keeper = Gatekeeper(away, stopping, Progress())
    keeper.look()
    assert not keeper.may_receive("transactional")
    assert keeper.is_open("transactional")


def test_once_the_database_is_back_the_gates_are_what_they_were(
    engine: Engine, stopping: threading.Event
) -> None:
    gates.shut(engine, "marketing", reason="quota", seconds=60)
    keeper = Gatekeeper(engine, stopping, Progress())
    keeper.look()
    assert keeper.may_receive("transactional")
    assert not keeper.may_receive("marketing")
    assert not keeper.is_open("marketing")
