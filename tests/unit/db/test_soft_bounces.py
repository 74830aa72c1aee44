"""How soft bounces add up, against a slow and simple account of the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.suppression import SoftBounces
from db.soft_bounces import suppressed_until

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = SoftBounces(limit=3, window=14 * DAY, lasts=(DAY, 7 * DAY, 30 * DAY))


def on(*days: float) -> list[datetime]:
    return [START + day * DAY for day in days]


def days_until(*bounced_on: float) -> float | None:
    until = suppressed_until(on(*bounced_on), RULES)
    return None if until is None else (until - START) / DAY


def test_fewer_than_the_limit_suppress_nothing() -> None:
    assert days_until() is None
    assert days_until(0, 1) is None


def test_the_limit_within_the_window_suppresses_from_the_last_bounce_on() -> None:
    assert days_until(0, 2, 14) == 15
    assert days_until(0, 2, 14.5) is None
    assert days_until(0, 2, 14.5, 15) == 16


def test_each_suppression_is_longer_than_the_one_before_up_to_the_last() -> None:
    first, second, third = (0, 1, 2), (4, 5, 6), (14, 15, 16)
    assert days_until(*first) == 3
    assert days_until(*first, *second) == 13
    assert days_until(*first, *second, *third) == 46
    assert days_until(*first, *second, *third, 47, 48, 49) == 79


def test_what_bounces_while_suppressed_counts_no_more() -> None:
    assert days_until(0, 1, 2, 2.1, 2.2, 2.3, 2.9) == 3
    assert days_until(0, 1, 2, 2.9, 3, 4) == 3
    assert days_until(0, 1, 2, 2.9, 3, 4, 5) == 12


def test_a_limit_of_nought_never_suppresses() -> None:
    assert suppressed_until(on(0, 0, 0, 0), SoftBounces(limit=0)) is None


def by_hand(moments: list[datetime], rules: SoftBounces) -> datetime | None:
    """Every bounce again and again, from the first: which of them count, and what they make."""
    sentences: list[tuple[datetime, datetime]] = []
    spent: set[int] = set()
    for number, moment in enumerate(moments):
        if any(began <= moment < until for began, until in sentences):
            spent.add(number)
            continue
        counting = [
            each
            for each in range(number + 1)
            if each not in spent and moment - moments[each] <= rules.window
        ]
        if len(counting) >= rules.limit:
            lasts = (rules.lasts + rules.lasts[-1:] * len(sentences))[len(sentences)]
            sentences.append((moment, moment + lasts))
            spent.update(range(number + 1))
    return max((until for _began, until in sentences), default=None)


hours = st.lists(st.integers(0, 24 * 60), max_size=40)
ladders = st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True).map(sorted)


@given(hours=hours, limit=st.integers(1, 5), window=st.integers(1, 30), ladder=ladders)
def test_any_row_of_bounces_comes_to_the_same_as_by_hand(
    hours: list[int], limit: int, window: int, ladder: list[int]
) -> None:
    moments = sorted(START + timedelta(hours=each) for each in hours)
    rules = SoftBounces(limit, window * DAY, tuple(each * DAY for each in ladder))
    assert suppressed_until(moments, rules) == by_hand(moments, rules)


@pytest.mark.parametrize("times", [2, 5])
def test_a_row_that_begins_with_the_limit_at_once_is_one_suppression(times: int) -> None:
    assert days_until(*[0] * 3 * times) == 1
