"""The figures of a short run, left at a Pushgateway when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.request import urlopen

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from claimx_lib.config.settings import Metrics as MetricsSettings

TIMEOUT_SECONDS = 5.0
APPLICATION = "claimx"
"""The group of what belongs to no single job; the others are named as their job."""
GROUP_LABELS = {"job", "run", "instance"}
CUMULATIVE = {"counter", "histogram"}

Series = tuple[str, frozenset[tuple[str, str]]]
Sums = Mapping[tuple[str, Series], float]


def push(registry: CollectorRegistry, settings: MetricsSettings, *, run: str) -> str | None:
    """Leave the registry's figures at the configured Pushgateway; return what went wrong, None where nothing did.

    A gateway takes a group's labels for those of its series: our `job` label would be lost and the jobs' series
    would collide. So each job is a group of its own, `job=<job>, run=<run>`; the rest stands under `job=claimx`.
    Counters go on from what the last run left there: a run that counts as much as the one before is still seen.
    Nothing is pushed where no gateway is set; one that is down fails no run: the data is in the tables.
    """
    if settings.pushgateway_url is None:
        return None
    url = settings.pushgateway_url if "://" in settings.pushgateway_url else f"http://{settings.pushgateway_url}"
    try:
        before = _left_by_the_last(url.rstrip("/"), run)
        families = list(registry.collect())
        for job in sorted({APPLICATION, *_jobs(families)}):
            group = CollectorRegistry(auto_describe=False)
            group.register(_Group(families, job, before))
            push_to_gateway(url, job=job, registry=group, grouping_key={"run": run}, timeout=TIMEOUT_SECONDS)
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {getattr(error, 'reason', None) or getattr(error, 'strerror', None) or error}"
    return None


class _Group(Collector):
    """The samples of one group, without the labels that the gateway adds, counters with what was there before."""

    def __init__(self, families: Iterable[Metric], job: str, before: Sums) -> None:
        self._families = families
        self._job = job
        self._before = before

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            kept = Metric(family.name, family.documentation, family.type)
            for sample in family.samples:
                if sample.labels.get("job", APPLICATION) == self._job:
                    labels = {name: value for name, value in sample.labels.items() if name != "job"}
                    old = self._before.get((self._job, _series(sample.name, labels)), 0.0)
                    kept.add_sample(sample.name, labels, sample.value + (old if family.type in CUMULATIVE else 0.0))
            if kept.samples:
                yield kept


def _jobs(families: Iterable[Metric]) -> set[str]:
    return {sample.labels["job"] for family in families for sample in family.samples if "job" in sample.labels}


def _left_by_the_last(url: str, run: str) -> dict[tuple[str, Series], float]:
    with urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # the operator's own setting
        text = answer.read().decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {
        (sample.labels.get("job", ""), _series(sample.name, sample.labels)): sample.value
        for sample in samples
        if sample.labels.get("run") == run
    }


def _series(name: str, labels: Mapping[str, str]) -> Series:
    return name, frozenset((label, value) for label, value in labels.items() if label not in GROUP_LABELS)
