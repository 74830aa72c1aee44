"""Up to where each stream may use the day's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.streams import Stream

# What may be sent between two looks, and until every worker knows: kept free, so that the quota
# is not exceeded meanwhile, but never more than a small part of it.
MARGIN_SECONDS = 3.0
MARGIN_PART = 0.01
# A gate that has shut opens when there is room for a while, not for a single message.
SLACK_SECONDS = 5.0
SLACK_PART = 0.005


def quota_limit(stream: Stream, quota: float, rate_per_second: float) -> int:
    """How many recipients of the day's quota may be used, by anybody, before the stream stops."""
    margin = min(MARGIN_SECONDS * rate_per_second, MARGIN_PART * quota)
    return int(min(stream.quota_part * quota, quota - int(margin)))


def opens_below(limit: int, quota: float, rate_per_second: float) -> int:
    """At how many used recipients a stream that had stopped at `limit` goes on."""
    return limit - max(1, int(min(SLACK_SECONDS * rate_per_second, SLACK_PART * quota)))
