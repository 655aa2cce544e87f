"""Runs a world through its faults: a driver, a burst, an end inside a batch, the next driver; then drains and checks."""

from __future__ import annotations

import contextlib
import math
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from tests.fakes.claimx import TOKEN
from tests.faults import gather
from tests.faults.checker import violations
from tests.faults.driver import Driver
from tests.faults.evidence import Evidence
from tests.faults.plan import BOTH, JVM, PYTHON, TERM, Fault, jobs_to
from tests.faults.turn import Turn, no_turns
from tests.faults.warm import WarmJvm
from tests.faults.world import World

HIT_SECONDS = 300.0
END_SECONDS = 90.0
DRAIN_SECONDS = 420.0
BURST_EVERY_SECONDS = 2.0
RESTARTS = 2
TRIES = 3
Say = Callable[[str], None]
_FAULT = re.compile(rb'"fault": "(\w+)"')


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a world: how often each fault hit inside a batch, how often it came too late, what was broken.

    `never_hit` are planned faults that came too late each time.
    """

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    never_hit: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(number for name, number in self.hits.items() if name != TERM)

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            hits=self.hits + other.hits,
            misses=self.misses + other.misses,
            violations=[*self.violations, *other.violations],
            figures=dict(Counter(self.figures) + Counter(other.figures)),
            never_hit=[*self.never_hit, *other.never_hit],
        )


@dataclass(slots=True, kw_only=True)
class Matrix:
    """One world and its faults; `warm` is the JVM that drivers attach to, None for one of its own each.

    No new fault comes from `until` on, a point of the monotonic clock: what is left of the time is for draining.
    """

    world: World
    warm: WarmJvm | None
    say: Say
    restarts: int = RESTARTS
    until: float = math.inf
    turn: Turn = no_turns
    outcome: Outcome = field(default_factory=Outcome)
    first_call: int = 0

    def run(self, planned: list[Fault]) -> Outcome:
        """Each fault until it has hit inside a batch, thrice at most; then drain, restart without input, check."""
        self.begin()
        for number, fault in enumerate(planned, start=1):
            if time.monotonic() >= self.until:
                self.say(f"  out of time: {len(planned) - number + 1} faults of the plan are left out")
                break
            if not any(self._hits(fault, f"{number:3}/{len(planned)}") for _ in range(TRIES)):
                self.outcome.never_hit.append(str(fault))
        self.check()
        return self.outcome

    def _hits(self, fault: Fault, place: str) -> bool:
        """One try, counted and told."""
        with self.turn():
            began = time.monotonic()
            has_hit = self._befall(fault)
        (self.outcome.hits if has_hit else self.outcome.misses)[fault.name] += 1
        verdict = "hit" if has_hit else "not inside a batch"
        self.say(f"  {place} {fault!s:42} {verdict}, {time.monotonic() - began:.0f} s")
        return has_hit

    def begin(self) -> None:
        """What ClaimX was asked before is none of this world's."""
        self.first_call = gather.count_lines(self.world.simulator.request_log)

    def finished(self, name: str) -> Outcome:
        """The checked outcome of a world that one fault has befallen."""
        self.outcome.hits[name] += 1
        self.check()
        return self.outcome

    def driver(
        self, jobs: tuple[str, ...] = (), *, crash_at: str = "", available_now: bool = False, output: Path | None = None
    ) -> Driver:
        """A driver of all the world's jobs, or of some of them."""
        world = self.world
        return Driver(jobs or world.jobs, world.config, output or world.output, warm=self.warm, crash_at=crash_at,
                      available_now=available_now, token=TOKEN)  # fmt: skip

    def _befall(self, fault: Fault) -> bool:
        self.world.send_burst()
        return self._signalled(fault) if fault.is_signal else self._crashed(fault)

    def _crashed(self, fault: Fault) -> bool:
        """The code ends its process at the crash point."""
        with self.driver(jobs_to(fault, self.world.pipeline), crash_at=f"{fault.name}:{fault.nth}") as driver:
            self.feed_until(driver, lambda: driver.status is not None)
            self._must_not_have_failed(driver)
            return driver.status == -signal.SIGKILL

    def _signalled(self, fault: Fault) -> bool:
        """A signal comes some time after a batch with records has begun, and before it is done."""
        with self.driver() as driver:
            if fault.name == TERM:
                return self._terminated(driver)
            begun = self.world.begun()
            if not self.feed_until(driver, lambda: self.world.is_in_batch(begun)):
                self._must_not_have_failed(driver)
                return False
            driver.ended_within(fault.delay_seconds)
            self._kill(driver, fault)
            return self.world.is_in_batch(begun)

    def _must_not_have_failed(self, driver: Driver) -> None:
        """A driver that gave up before its fault came is no miss: nothing that a world does may end one."""
        if driver.status not in {None, 0, -signal.SIGKILL}:
            why = (self.world.failures() or ["it did not say why"])[-1]
            self.outcome.violations.append(f"a driver ended by itself with {driver.status}: {why}")

    def _kill(self, driver: Driver, fault: Fault) -> None:
        if fault.name in {PYTHON, BOTH}:
            driver.signal(signal.SIGKILL)
        if fault.name in {JVM, BOTH}:
            driver.kill_jvm()
        if fault.name == JVM and not driver.ended_within(END_SECONDS):
            self.outcome.violations.append("a driver went on for long after its JVM had died")
        driver.ended_within(END_SECONDS)

    def _terminated(self, driver: Driver) -> bool:
        """SIGTERM as soon as this driver has sent a POST: it ends by itself, with 0, and leaves no batch begun."""
        posts = self.posts()
        if not self.feed_until(driver, lambda: self.posts() > posts):
            self._must_not_have_failed(driver)
            return False
        driver.signal(signal.SIGTERM)
        if not driver.ended_within(END_SECONDS) or driver.status != 0:
            self.outcome.violations.append(f"SIGTERM amid the POSTs: the driver ended with {driver.status}, not with 0")
        return True

    def posts(self) -> int:
        return self.world.simulator.request_log.read_bytes().count(b'"method": "POST"')

    def calls(self) -> int:
        return gather.count_lines(self.world.simulator.request_log)

    def calls_with(self, status: int) -> int:
        return self.world.simulator.request_log.read_bytes().count(f'"status": {status},'.encode())

    def befallen(self) -> Counter[str]:
        """How many calls each of ClaimX's faults has befallen so far, of whatever world."""
        log = self.world.simulator.request_log
        return Counter(kind.decode() for kind in _FAULT.findall(log.read_bytes() if log.is_file() else b""))

    def feed_until(self, driver: Driver, condition: Callable[[], bool]) -> bool:
        """Wait for the condition while bursts go on coming, each once the one before is done with; whether it came true."""
        deadline, begun = time.monotonic() + HIT_SECONDS, self.world.begun()
        while driver.status is None and time.monotonic() < deadline:
            if driver.until(condition, BURST_EVERY_SECONDS):
                return True
            if self._is_at_rest(begun):
                self.world.send_burst()
        return condition()

    def _is_at_rest(self, begun: dict[str, int]) -> bool:
        """No batch that was begun since then goes on; where none was begun, nothing is there to begin one with."""
        if self.world.begun() != begun:
            return not self.world.is_in_batch(begun)
        with contextlib.suppress(KafkaException):  # a broker that is coming back: the next look tells
            return not any(gather.lags(self.world).values())
        return False

    def check(self) -> None:
        """Drain, restart without input, and hold what is left to every invariant."""
        with self.turn():
            self.world.end_faults()
            self._drain()
        stills = [gather.still(self.world)]
        for _ in range(self.restarts):
            with self.turn(), self.driver(available_now=True) as driver:
                if not driver.ended_within(DRAIN_SECONDS) or driver.status != 0:
                    self.outcome.violations.append(f"a restart without input ended with {driver.status}, not with 0")
            stills.append(gather.still(self.world))
        found = gather.evidence(self.world, stills, self.first_call)
        self.outcome.violations += violations(found, self.world.pipeline)
        self.outcome.figures = figures(found)

    def _drain(self) -> None:
        """A run without faults until nothing lags and nothing is pending, ended by SIGTERM."""
        with self.driver() as driver:
            driver.until(lambda: driver.heeds_sigterm and self._is_drained(), DRAIN_SECONDS)
            driver.signal(signal.SIGTERM)
            if not driver.ended_within(END_SECONDS) or driver.status != 0:
                self.outcome.violations.append(f"after the faults a driver ended with {driver.status}, not with 0")

    def _is_drained(self) -> bool:
        time.sleep(0.5)  # each look reads topics and a table
        if any(gather.lags(self.world).values()):
            return False
        return self.world.pipeline == "tracking" or not gather.rows(self.world, "xact_task_pending", "event_id")


def figures(found: Evidence) -> dict[str, int]:
    """How much there was: records, calls, tasks, answers dropped after the commit."""
    posts = [call for call in found.calls if call.is_post]
    dropped = [c for c in posts if c.fault in {"drop_after_commit", "hang_after_commit"} and c.created_task_id]
    return {
        "records": len(found.produced),
        "calls": len(found.calls),
        "posts": len(posts),
        "tasks": sum(call.created_task_id is not None for call in posts),
        "dropped_answers": len(dropped),
        "dead_letters": len(found.table("dead_letters")),
        "rows": len(found.table("itel_cabinet_task_tracking")),
    }
