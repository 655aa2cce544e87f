"""A run's figures, left at a Pushgateway: once when a short run ends, again and again while a continuous one goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from claimx_lib.observability.gateway import APPLICATION, Gateway, Series, series_of
from claimx_lib.observability.logs import logger

if TYPE_CHECKING:
    from claimx_lib.config.settings import Metrics as MetricsSettings

CUMULATIVE = {"counter", "histogram"}
CONTINUOUS = "continuous"
"""The `instance` of what a continuous run pushes: the same after each restart, whatever machine that is on."""
END_SECONDS = 30.0
"""How long the end of a run waits for a push that is under way."""

Sums = Mapping[tuple[str, Series], float]


class Pushes:
    """The pushes of one run to the configured Pushgateway; where none is set, nothing is pushed.

    A gateway takes a group's labels for those of its series: our `job` label would be lost and the jobs' series
    would collide. So each job is a group of its own, `job=<job>, run=<run>`; the rest stands under `job=claimx`.
    A continuous run's groups have `instance=continuous` too. Counters go on from what the last run left there: a run
    that counts as much as the one before is still seen.
    """

    def __init__(
        self, registry: CollectorRegistry, settings: MetricsSettings, *, run: str, is_continuous: bool = False
    ) -> None:
        self._registry = registry
        self._gateway = Gateway.at(settings.pushgateway_url) if settings.pushgateway_url else None
        self._grouping = {"run": run, **({"instance": CONTINUOUS} if is_continuous else {})}
        self._before: Sums | None = None

    def push(self) -> str | None:
        """Leave the figures as they are now; return what went wrong, None where nothing did. Raises nothing."""
        if self._gateway is None:
            return None
        try:
            self._push(self._gateway)
        except Exception as error:  # noqa: BLE001  (whatever a gateway answers, the data is in the tables)
            return _in_a_line(error)
        return None

    def _push(self, gateway: Gateway) -> None:
        if self._before is None:
            self._before = gateway.sums(self._grouping)
        families = list(self._registry.collect())
        for job in sorted({APPLICATION, *_jobs(families)}):
            group = CollectorRegistry(auto_describe=False)
            group.register(_Group(families, job, self._before))
            gateway.put(job, self._grouping, group)


def push(registry: CollectorRegistry, settings: MetricsSettings, *, run: str) -> str | None:
    """Leave the figures of a short run; return what went wrong: a gateway that is down fails no run."""
    return Pushes(registry, settings, run=run).push()


@contextmanager
def pushed(
    registry: CollectorRegistry, settings: MetricsSettings, *, run: str, is_continuous: bool = True
) -> Iterator[None]:
    """Push the figures of the run that the block is: a short one's after it, unless it raised.

    A continuous one's are pushed at once, every `push_seconds`, and once after it, by a thread of its own, so that no
    batch waits for a gateway; `push_seconds: 0` pushes nothing, because the run is scraped. What goes wrong is logged,
    and once more when it is over.
    """
    if not is_continuous:
        yield
        _told(None, push(registry, settings, run=run))
    elif not settings.pushgateway_url or not settings.push_seconds:
        yield
    else:
        pushes = Pushes(registry, settings, run=run, is_continuous=True)
        with _repeated(pushes, settings.push_seconds):
            yield


@contextmanager
def _repeated(pushes: Pushes, every_seconds: float) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_until, args=(ended, pushes, every_seconds), name="metrics push", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=END_SECONDS)


def _until(ended: threading.Event, pushes: Pushes, every_seconds: float) -> None:
    """Push again and again, and a last time once it has ended."""
    problem: str | None = None
    is_last = False
    while True:
        before, problem = problem, pushes.push()
        _told(before, problem)
        if is_last:
            return
        is_last = ended.wait(every_seconds)


def _told(before: str | None, problem: str | None) -> None:
    if problem is not None and before is None:
        logger().warning("metrics are not pushed", problem=problem)
    elif problem is None and before is not None:
        logger().info("metrics are pushed again")


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
                    old = self._before.get((self._job, series_of(sample.name, labels)), 0.0)
                    kept.add_sample(sample.name, labels, sample.value + (old if family.type in CUMULATIVE else 0.0))
            if kept.samples:
                yield kept


def _jobs(families: Iterable[Metric]) -> set[str]:
    return {sample.labels["job"] for family in families for sample in family.samples if "job" in sample.labels}


def _in_a_line(error: Exception) -> str:
    why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return " ".join(f"{type(error).__name__}: {why}".split())
