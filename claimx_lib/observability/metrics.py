"""The metrics of one process, on a registry of their own."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from claimx_lib.observability.names import METRICS, Metric

OTHER = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a `_created` series beside each counter: nobody reads it


def label_value(text: str) -> str:
    """Return `text` as a label's value: snake_case, 64 characters at most (`project-not-found` → `project_not_found`)."""
    return re.sub(r"[^\w]+", "_", text.lower()).strip("_")[:64] or OTHER


class Metrics:
    """Every declared metric; counters stand at zero from the start, so that rates see the first increment.

    A gauge shows itself once it has been set: a table not yet read is no empty table.
    Names that are not declared in `names.py` raise KeyError: a typo can't make a new series.
    Label values are made snake_case, and bounded: those declared as known, `label_limit` more, then `other`.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, label_limit: int = 50) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._lock = threading.Lock()
        self._hidden = {m.name for m in METRICS if m.kind == "gauge"}
        self._labels = {m.name: m.labels for m in METRICS}
        self._limits = {m.name: label_limit + len(m.known) for m in METRICS}
        self._seen = {m.name: set(m.known) for m in METRICS}
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
        self._show(name)

    def follow(self, name: str, read: Callable[[], float], **labels: str) -> None:
        """Have a gauge's series read its value whenever it is looked at, whatever else stands still; until `forget`."""
        metric = self._of(name, labels)
        if not isinstance(metric, Gauge):
            raise TypeError(name)
        metric.set_function(read)
        self._show(name)

    def replace(self, name: str, values: Mapping[tuple[str, ...], float]) -> None:
        """Set a labelled gauge to exactly these series, keyed by label values in declared order.

        A series that stays is never missing in between, one that is gone is forgotten. All are shown: the caller
        counts by values of our own making.
        """
        gauge = self._metrics[name]
        if not isinstance(gauge, Gauge):
            raise TypeError(name)
        series = {tuple(map(label_value, key)): value for key, value in values.items()}
        for key, value in series.items():
            gauge.labels(*key).set(value)
        for gone in self._seen[name] - set(series):
            gauge.remove(*gone)
        self._seen[name] = set(series)
        self._show(name)

    def forget(self, name: str, **labels: str) -> None:
        """Show one series of a labelled gauge no more; does nothing where it is not shown."""
        key = tuple(label_value(labels[label]) for label in self._labels[name])
        if key in self._seen[name]:
            self._seen[name].discard(key)
            self._metrics[name].remove(*key)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        metric = self._of(name, labels)
        if not isinstance(metric, Histogram):
            raise TypeError(name)
        metric.observe(seconds)

    def value(self, name: str, kind: Literal["", "_count", "_sum"] = "", **labels: str) -> float:
        """Return a sample's value, 0 where it has none yet."""
        wanted = {label: label_value(text) for label, text in labels.items()}
        return self.registry.get_sample_value(name + kind, wanted) or 0.0

    def _show(self, name: str) -> None:
        with self._lock:
            if name in self._hidden:
                self._hidden.discard(name)
                self.registry.register(self._metrics[name])

    def _of(self, name: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
        metric = self._metrics[name]
        if not labels:
            return metric
        if set(labels) != set(self._labels[name]):
            raise ValueError(f"{name} has the labels {', '.join(self._labels[name])}")
        key = tuple(label_value(labels[label]) for label in self._labels[name])
        seen = self._seen[name]
        if key not in seen and len(seen) >= self._limits[name]:
            return metric.labels(*(OTHER for _ in key))
        seen.add(key)
        return metric.labels(*key)


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=None)
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
    counter = Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    for values in metric.known:
        counter.labels(*values)
    return counter
