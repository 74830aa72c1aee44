"""Makes Prometheus instruments of one namespace in one registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import CollectorRegistry


class Instruments:
    """The instruments of one process; every name gets the namespace in front."""

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        self._registry = registry
        self._namespace = namespace

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """A counter; Prometheus sees its name with `_total` behind."""
        return Counter(name, meaning, labels, namespace=self._namespace, registry=self._registry)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """A value that goes up and down."""
        return Gauge(name, meaning, labels, namespace=self._namespace, registry=self._registry)

    def histogram(
        self,
        name: str,
        meaning: str,
        *labels: str,
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
    ) -> Histogram:
        """A distribution, counted in buckets."""
        return Histogram(
            name,
            meaning,
            labels,
            namespace=self._namespace,
            registry=self._registry,
            buckets=buckets,
        )
