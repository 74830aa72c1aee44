"""What an answer of GetAccount says, whatever part of it is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from db import gates
from db.accounts import AccountReading
from worker.ses.account import read_account
from worker.ses.rules import CODE_RULES, TEXT_RULES

REGION = "eu-west-1"
WHOLE: dict[str, Any] = {
    "SendQuota": {"MaxSendRate": 14.0, "Max24HourSend": 200.0, "SentLast24Hours": 3.0},
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "EnforcementStatus": "HEALTHY",
}


class Ses:
    """Answers GetAccount with what it was given."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def get_account(self) -> dict[str, Any]:
        return self._answer


def read(answer: dict[str, Any]) -> AccountReading:
    return read_account(Ses(answer), REGION)


def test_a_whole_answer_is_read_as_it_is() -> None:
    expected = AccountReading(REGION, 14.0, 200.0, 3.0, True, True, "HEALTHY")  # noqa: FBT003
    assert read(WHOLE) == expected
    assert expected.is_complete


@pytest.mark.parametrize(
    "quota", [None, {}, {"Max24HourSend": 200.0}, {"MaxSendRate": 0.0}], ids=str
)
def test_an_answer_without_a_rate_is_not_complete(quota: dict[str, float] | None) -> None:
    answer = WHOLE if quota is None else {**WHOLE, "SendQuota": quota}
    if quota is None:
        answer = {name: value for name, value in WHOLE.items() if name != "SendQuota"}
    assert not read(answer).is_complete


def test_an_empty_answer_says_of_nothing_that_it_is_shut() -> None:
    reading = read({})
    assert not reading.is_paused
    assert not reading.is_quota_used_up


@pytest.mark.parametrize(
    ("enabled", "status", "paused"),
    [
        (True, "HEALTHY", False),
        (True, "PROBATION", False),
        (True, "SHUTDOWN", True),
        (False, "HEALTHY", True),
    ],
)
def test_an_account_is_paused_by_us_or_by_aws(*, enabled: bool, status: str, paused: bool) -> None:
    reading = replace(read(WHOLE), sending_enabled=enabled, enforcement_status=status)
    assert reading.is_paused is paused


@pytest.mark.parametrize(
    ("most", "sent", "used_up"),
    [(-1.0, 1e9, False), (200.0, 199.0, False), (200.0, 200.0, True), (0.0, 0.0, True)],
)
def test_a_quota_is_used_up_when_no_more_fits(*, most: float, sent: float, used_up: bool) -> None:
    reading = replace(read(WHOLE), max_24_hour_send=most, sent_last_24_hours=sent)
    assert reading.is_quota_used_up is used_up


def test_the_watch_opens_the_gates_that_a_worker_shuts_for_the_same_reasons() -> None:
    causes = {rule.cause for rule in (*TEXT_RULES, *CODE_RULES) if rule.meaning == "halt"}
    assert {gates.ACCOUNT_PAUSED, gates.QUOTA} <= causes
