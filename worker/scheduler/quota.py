"""The day's quota as a schedule: streams stop at their part of it, and go on by themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from config.quotas import opens_below, quota_limit
from db import gates, quota

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine

    from config.streams import Stream
    from db.quota import Usage
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
# Without a scheduler the gate opens by itself after so long, and SES's own word counts.
SHUT_SECONDS = 60.0
ESTIMATE_SECONDS = 30.0


class QuotaWatch:
    """Compares what is used of the day with each stream's part, by the ledger alone."""

    def __init__(
        self,
        engine: Engine,
        region: str,
        streams: Mapping[str, Stream],
        metrics: SchedulerMetrics,
        *,
        read_account: Callable[[], None],
    ) -> None:
        """`read_account` is called when SES has just refused what its account data explains."""
        self._engine = engine
        self._region = region
        self._streams = streams
        self._metrics = metrics
        self._read_account = read_account
        self._expected: dict[str, tuple[float, float | None]] = {}

    def look(self) -> None:
        """Look once. Raises what boto3 and SQLAlchemy raise."""
        if quota.wants_reading(self._engine, self._region):
            self._read_account()
        usage = quota.usage(self._engine, self._region)
        if usage is None:
            return
        self._metrics.record_quota(usage)
        shut = {gate.scope for gate in gates.all_shut(self._engine) if gate.reason == gates.QUOTA}
        for stream in self._streams.values():
            self._steer(stream, usage, is_shut=stream.name in shut)
        self._metrics.record_gates(gates.all_shut(self._engine))

    def _steer(self, stream: Stream, usage: Usage, *, is_shut: bool) -> None:
        limit = quota_limit(stream, usage.quota, usage.max_send_rate)
        opens_at = opens_below(limit, usage.quota, usage.max_send_rate)
        if not usage.is_unlimited:
            self._metrics.record_quota_limit(stream.name, limit)
        if usage.is_unlimited or usage.used <= opens_at:
            if is_shut and gates.open_again(self._engine, stream.name, reason=gates.QUOTA):
                log.info("the day has room again", stream=stream.name, used=usage.used)
        elif is_shut or usage.used >= limit:
            self._shut(stream, usage, opens_at)

    def _shut(self, stream: Stream, usage: Usage, opens_at: int) -> None:
        expected_seconds = self._expected_seconds(stream.name, usage, opens_at)
        if gates.shut(
            self._engine,
            stream.name,
            reason=gates.QUOTA,
            seconds=SHUT_SECONDS,
            expected_seconds=expected_seconds,
        ):
            log.warning(
                "the stream's part of the day is used",
                stream=stream.name,
                used=usage.used,
                quota=usage.quota,
                expected_seconds=expected_seconds,
            )

    def _expected_seconds(self, stream: str, usage: Usage, opens_at: int) -> float | None:
        """Estimated now and then only; in between the time runs down."""
        now = time.monotonic()
        estimated_at, seconds = self._expected.get(stream, (float("-inf"), None))
        if now - estimated_at >= ESTIMATE_SECONDS:
            estimated_at, seconds = (
                now,
                quota.freed_in_seconds(self._engine, usage.used - opens_at, said=usage.said),
            )
            self._expected[stream] = (estimated_at, seconds)
        return None if seconds is None else max(0.0, seconds - (now - estimated_at))
