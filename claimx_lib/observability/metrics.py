"""The metrics of one process, on a registry of their own."""

from __future__ import annotations

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from claimx_lib.observability.names import METRICS, Metric

OTHER = "other"


class Metrics:
    """Every declared metric, zero from the start, so that rates see the first increment.

    Names that are not declared in `names.py` raise KeyError: a typo can't make a new series.
    Label values are bounded: `status`-like labels beyond `label_limit` distinct values count as `other`.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, label_limit: int = 50) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._label_limit = label_limit
        self._seen: dict[str, set[tuple[str, ...]]] = {}
        self._metrics = {m.name: _made(m, self.registry) for m in METRICS}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        metric = self._of(name, labels)
        if not isinstance(metric, Counter):
            raise TypeError(name)
        metric.inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        metric = self._of(name, labels)
        if not isinstance(metric, Gauge):
            raise TypeError(name)
        metric.set(value)

    def clear(self, name: str) -> None:
        """Forget a gauge's labelled series, before it is taken anew."""
        metric = self._metrics[name]
        metric.clear()
        self._seen.pop(name, None)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        metric = self._of(name, labels)
        if not isinstance(metric, Histogram):
            raise TypeError(name)
        metric.observe(seconds)

    def value(self, name: str, kind: Literal["", "_count", "_sum"] = "", **labels: str) -> float:
        """Return a sample's value, 0 where it has none yet."""
        return self.registry.get_sample_value(name + kind, labels) or 0.0

    def _of(self, name: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
        metric = self._metrics[name]
        if not labels:
            return metric
        seen = self._seen.setdefault(name, set())
        key = tuple(sorted(labels.values()))
        if key not in seen and len(seen) >= self._label_limit:
            return metric.labels(**dict.fromkeys(labels, OTHER))
        seen.add(key)
        return metric.labels(**labels)


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
