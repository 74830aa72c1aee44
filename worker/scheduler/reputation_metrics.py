"""The rates as metrics, for as long as this scheduler is the one that counts them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import Gauge

    from config.instruments import Instruments
    from config.reputation import Level, Limits, Tally

# Some looks. Later another scheduler may have the duty, and an old alarm here would never end.
FRESH_SECONDS = 180.0


class ReputationMetrics:
    """Gauges that are no number (NaN, which alarms at nothing) once they are old."""

    def __init__(
        self, make: Instruments, monotonic_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic_seconds = monotonic_seconds
        self._values: dict[tuple[Gauge, tuple[str, ...]], tuple[float, float]] = {}
        self._rate = make.gauge(
            "email_reputation_rate",
            "Share (0 to 1) of the mail of a window that bounced or complained (`*`: all mail)",
            "stream",
            "kind",
            "window",
        )
        self._recipients = make.gauge(
            "email_reputation_recipients",
            "Recipients that the rate is a share of",
            "stream",
            "kind",
            "window",
        )
        self._limit = make.gauge(
            "email_reputation_limit",
            "Rate (0 to 1) from which the stream is warned of or shut",
            "stream",
            "kind",
            "level",
        )
        self._level = make.gauge(
            "email_reputation_level",
            "0 all is well, 1 above the warning, 2 above the limit that shuts a gate",
            "stream",
            "kind",
        )

    def record(
        self, scope: str, kind: str, limits: Limits, tallies: Mapping[str, Tally], level: Level
    ) -> None:
        """The rates of one kind were measured: a tally for each window."""
        for window, tally in tallies.items():
            self._set(self._rate, tally.rate or 0.0, scope, kind, window)
            self._set(self._recipients, tally.recipients, scope, kind, window)
        self._set(self._limit, limits.warn, scope, kind, "warn")
        self._set(self._limit, limits.shut, scope, kind, "shut")
        self._set(self._level, level, scope, kind)

    def _set(self, gauge: Gauge, value: float, *labels: str) -> None:
        key = (gauge, labels)
        if key not in self._values:
            gauge.labels(*labels).set_function(lambda: self._fresh(key))
        self._values[key] = (value, self._monotonic_seconds())

    def _fresh(self, key: tuple[Gauge, tuple[str, ...]]) -> float:
        value, at = self._values.get(key, (math.nan, 0.0))
        return value if self._monotonic_seconds() - at <= FRESH_SECONDS else math.nan
