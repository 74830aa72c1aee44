"""What the step with SES's own suppression list counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.instruments import Instruments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry


class SyncMetrics:
    """The instruments of the step."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        make = Instruments(registry, namespace)
        self._done = make.counter(
            "ses_suppression_sync",
            "Steps with SES's suppression list: entries read, taken over, put there (or unfit), "
            "deleted there (or stuck), found gone there, followed here; calls throttled",
            "step",
        )
        self._entries = make.gauge(
            "ses_suppressions",
            "Entries of SES's suppression list by what is to be done about them",
            "state",
        )
        self._succeeded = make.gauge(
            "ses_suppression_sync_last_success_timestamp_seconds",
            "When both lists were in step last, as this scheduler saw it",
        )

    def record_step(self, step: str, count: int) -> None:
        """So much of this was done."""
        self._done.labels(step).inc(count)

    def record_success(self, entries: Mapping[str, int]) -> None:
        """Both lists are in step; so many entries are in each state."""
        self._succeeded.set_to_current_time()
        self._entries.clear()
        for state, count in entries.items():
            self._entries.labels(state).set(count)
