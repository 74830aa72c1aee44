"""What a task can learn and ask of its message; and it never starts twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from worker.transport import Received, give_back, received
from worker.transport.held import Held
from worker.transport.request import GivenBackError, Request


@pytest.fixture
def held() -> Held:
    return Held("mail", "receipt", "message-id", 3, 1_700_000_000.5)


@pytest.fixture
def request_of(held: Held) -> Any:
    """`self.request` of a running task."""
    return SimpleNamespace(properties={"delivery_info": {"held": held}})


def test_a_task_learns_what_sqs_says_about_its_message(request_of: Any) -> None:
    assert received(request_of) == Received("mail", "message-id", 3, 1_700_000_000.5)


@pytest.mark.parametrize(("asked", "seconds"), [(30, 30), (0.2, 1), (-5, 0), (10**6, 43_200)])
def test_a_task_asks_for_its_message_to_be_shown_later(
    request_of: Any, held: Held, asked: float, seconds: int
) -> None:
    give_back(request_of, after_seconds=asked)
    assert held.give_back_after_seconds == seconds


@pytest.mark.parametrize("properties", [None, {}, {"delivery_info": {}}])
def test_a_task_that_was_called_without_a_message_is_told_so(properties: Any) -> None:
    with pytest.raises(LookupError, match="does not run for a message"):
        received(SimpleNamespace(properties=properties))


def test_a_task_whose_message_was_given_back_does_not_start() -> None:
    request = Request.__new__(Request)
    request.id, request.name = "1", "note"
    channel = SimpleNamespace(begin=lambda receipt: receipt != "gone")
    request._message = SimpleNamespace(channel=channel, delivery_tag="gone")
    state.task_reserved(request)
    with pytest.raises(GivenBackError):
        request.on_accepted(pid=1, time_accepted=0.0)
    assert "1" not in state.requests
