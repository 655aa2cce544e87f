"""An hour in five lives of a driver: four short ones that end in different ways, a long one in their midst that is judged."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.claimx import TOKEN
from tests.faults.driver import Driver
from tests.faults.plan import BOTH, JVM, PYTHON
from tests.soak.gauges import Gauges, Sample
from tests.soak.verdict import Point, Trend, trends
from tests.soak.world import SoakWorld

SAMPLE_SECONDS = 10.0
FEED_SECONDS = 0.2
END_SECONDS = 120.0
DRAIN_SECONDS = 600.0
RESTARTS = 2
STOP = "SIGTERM"
LIVES = ((1, STOP), (1, PYTHON), (11, STOP), (1, BOTH), (1, JVM))
"""Parts of the whole time, and what ends each."""


@dataclass(slots=True, kw_only=True)
class Soak:
    """Samples in order, each with the minute it was taken at, its life and that life's own minute."""

    world: SoakWorld
    minutes: float
    say: Callable[[str], None]
    samples: list[Sample] = field(default_factory=list)
    ends: list[tuple[float, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def run(self) -> Soak:
        """All lives, then the drain, restarts without input, and every invariant."""
        parts = sum(part for part, _ in LIVES)
        for number, (part, end) in enumerate(LIVES, start=1):
            self._live(number, 60 * self.minutes * part / parts, end)
        self.world.world.end_faults()
        self._drain()
        stills = [self.world.still()]
        for _ in range(RESTARTS):
            with self._driver(available_now=True) as driver:
                self._must_end(driver, "a restart without input")
            stills.append(self.world.still())
        self.violations += self.world.broken(stills)
        self.figures = self.world.figures()
        return self

    def trends(self) -> list[Trend]:
        """Of every series of every life that is long enough."""
        points: defaultdict[tuple[str, int], list[Point]] = defaultdict(list)
        for sample in self.samples:
            for name, value in sample.items():
                points[name, int(sample["life"])].append((sample["life_minute"], value))
        return [trend for (name, life), series in points.items() for trend in trends(name, life, series)]

    def _live(self, number: int, seconds: float, end: str) -> None:
        began = time.monotonic()
        with self._driver() as driver:
            gauges = Gauges(self.world, driver.pid)
            while time.monotonic() < began + seconds and driver.status is None:
                sample_at = time.monotonic() + SAMPLE_SECONDS
                while time.monotonic() < sample_at and driver.status is None:
                    self.world.feed()
                    driver.ended_within(FEED_SECONDS)
                self._take(gauges, number, began)
            if driver.status is not None:
                self.violations.append(f"life {number}: the driver ended by itself with {driver.status}")
            self._end(driver, end)
        self.ends.append(((time.monotonic() - self.began) / 60, end))
        self.say(f"life {number}: {(time.monotonic() - began) / 60:.1f} min, ended by {end}, status {driver.status}")

    def _take(self, gauges: Gauges, life: int, began: float) -> None:
        now = time.monotonic()
        sample = {"minute": (now - self.began) / 60, "life": life, "life_minute": (now - began) / 60, **gauges.sample()}
        self.samples.append({name: round(value, 3) for name, value in sample.items()})
        self.say(" ".join(f"{name}={value:g}" for name, value in self.samples[-1].items()))

    def _end(self, driver: Driver, end: str) -> None:
        if end == STOP:
            driver.signal(signal.SIGTERM)
            self._must_end(driver, STOP)
            return
        if end in {PYTHON, BOTH}:
            driver.signal(signal.SIGKILL)
        if end in {JVM, BOTH}:
            driver.kill_jvm()
        if not driver.ended_within(END_SECONDS):
            self.violations.append(f"after {end} the driver went on")

    def _drain(self) -> None:
        with self._driver() as driver:
            driver.until(self.world.is_drained, DRAIN_SECONDS)
            driver.signal(signal.SIGTERM)
            self._must_end(driver, "after the last event")

    def _must_end(self, driver: Driver, when: str) -> None:
        if not driver.ended_within(DRAIN_SECONDS) or driver.status != 0:
            self.violations.append(f"{when}: the driver ended with {driver.status}, not with 0")

    def _driver(self, *, available_now: bool = False) -> Driver:
        world = self.world.world
        return Driver(world.jobs, world.config, world.output, warm=None, available_now=available_now, token=TOKEN)
