"""Failpoints do nothing unless they are named, and then exactly what was asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.errors import ConfigurationError
from config.failpoints import (
    POINTS,
    FailpointError,
    arm,
    arm_from_environment,
    failpoint,
    now_about,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def test_without_a_word_nothing_happens() -> None:
    for name in POINTS:
        failpoint(name)


def test_one_that_is_armed_fails_at_its_passage_and_only_then() -> None:
    arm("before_claim=raise@2, after_claim=raise")
    failpoint("before_claim")
    with pytest.raises(FailpointError):
        failpoint("before_claim")
    failpoint("before_claim")
    with pytest.raises(FailpointError):
        failpoint("after_claim")


def test_one_of_a_message_fails_at_each_of_its_passages_and_at_no_other() -> None:
    arm("before_claim=raise#one")
    for job in ({"id": "two"}, {}, None, "one"):
        now_about(job)
        failpoint("before_claim")
    now_about({"id": "one"})
    for _ in range(2):
        with pytest.raises(FailpointError):
            failpoint("before_claim")


def test_a_child_does_not_count_the_passages_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILSLUICE_FAILPOINTS", "before_claim=raise,after_claim=raise#one")
    arm_from_environment(only_of_messages=True)
    now_about({"id": "one"})
    failpoint("before_claim")
    with pytest.raises(FailpointError):
        failpoint("after_claim")


@pytest.mark.parametrize("text", ["nowhere=kill", "before_claim=dance", "before_claim=kill@x", "x"])
def test_what_is_no_failpoint_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match="before_claim"):
        arm(text)


def test_every_failpoint_stands_somewhere_in_the_code() -> None:
    code = "".join(
        path.read_text() for room in ("worker", "consumers") for path in (ROOT / room).rglob("*.py")
    )
    assert set(re.findall(r'failpoint\("(\w+)"\)', code)) == POINTS
