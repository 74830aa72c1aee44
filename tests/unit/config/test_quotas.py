"""How much of the day a stream may use, whatever the size of the account."""

from __future__ import annotations

import pytest

from config.quotas import opens_below, quota_limit
from config.settings import load_settings


@pytest.mark.parametrize(
    ("quota", "rate", "limit"),
    [(50_000.0, 14.0, 49_958), (200.0, 1.0, 198), (50.0, 500.0, 50), (0.0, 1.0, 0)],
)
def test_what_may_be_sent_between_two_looks_is_kept_free(
    quota: float, rate: float, limit: int
) -> None:
    assert quota_limit(load_settings().streams["transactional"], quota, rate) == limit


@pytest.mark.parametrize(("quota", "rate"), [(50_000.0, 14.0), (10.0, 1.0), (1e7, 500.0)])
def test_a_stream_goes_on_only_when_there_is_room(quota: float, rate: float) -> None:
    limit = quota_limit(load_settings().streams["marketing"], quota, rate)
    assert opens_below(limit, quota, rate) < limit
