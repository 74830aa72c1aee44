"""What fails is tried again after growing waits, until it works or the process is to end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import OperationalError

from config.failures import error_name
from config.health import Progress
from consumers.backoff import LONGEST_WAIT_SECONDS, Patience
from consumers.errors import GaveUpError
from consumers.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(threading.Event):
    """Notes how long it was to be waited for, and waits not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience("loop", Metrics(CollectorRegistry(), "ns"), Progress(), clock)


def failing(times: int, then: Callable[[], str] = lambda: "done") -> Callable[[], str]:
    left = [None] * times

    def call() -> str:
        if left:
            left.pop()
            raise ConnectionResetError
        return then()

    return call


def test_what_succeeds_at_last_is_answered(patience: Patience, clock: Clock) -> None:
    assert patience.until_done("receive", failing(3)) == "done"
    assert len(clock.waits) == 3


def test_waits_grow_and_never_pass_ten_seconds(patience: Patience, clock: Clock) -> None:
    patience.until_done("receive", failing(30))
    assert clock.waits[0] < 1
    assert clock.waits[4] > 3
    assert max(clock.waits) == LONGEST_WAIT_SECONDS == 10


def test_once_the_process_is_to_end_nothing_is_tried_again(
    patience: Patience, clock: Clock
) -> None:
    clock.set()
    with pytest.raises(GaveUpError):
        patience.until_done("receive", failing(1))
    assert clock.waits == []


def test_a_number_of_attempts_can_be_the_limit(patience: Patience, clock: Clock) -> None:
    with pytest.raises(GaveUpError):
        patience.until_done("delete", failing(3), attempts=3)
    assert patience.until_done("delete", failing(2), attempts=3) == "done"


def test_an_error_is_named_without_its_text() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "a@b.c"}}, "ReceiveMessage")
    assert error_name(refused) == "AccessDenied"
    away = OperationalError("SELECT 'a@b.c'", {}, ConnectionError("a@b.c"))
    assert error_name(away) == "ConnectionError"
    assert error_name(KeyError("a@b.c")) == "KeyError"
