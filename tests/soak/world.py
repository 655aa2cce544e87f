"""The fault matrix's world of both pipelines at a steady rate, set up to run for long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import _log_option
from claimx_lib.devstack.ports import free_port
from tests.faults import gather
from tests.faults.checker import violations
from tests.faults.evidence import Still
from tests.faults.feed import Burst
from tests.faults.feed_both import BothFeed
from tests.faults.plan import BOTH_PIPELINES
from tests.faults.stack import Stack
from tests.faults.world import World

HEAP = "512m"
KEPT_BATCHES = 20
"""Spark's default is 100: checkpoints would still be growing to that for most of the hour."""
CLAIMX_EVENTS_A_SECOND, XACT_EVENTS_A_SECOND = 20.0, 2.0
TRACKING_BURST, IDENTITY_BURST = 12.5, 4.5
"""What a burst brings on `claimx.events`, and one of the other feed on `xact.events`, on average."""
BURST_SECONDS = TRACKING_BURST / CLAIMX_EVENTS_A_SECOND


class SteadyFeed(BothFeed):
    """Bursts of tracking, with one of identity now and then, so that both topics have their rate."""

    def burst(self) -> Burst:
        burst = self.tracking.burst()
        if self.chance.random() < XACT_EVENTS_A_SECOND / IDENTITY_BURST * BURST_SECONDS:
            other = self.identity.burst()
            burst = Burst(projects=other.projects, items=[*burst.items, *other.items])
        return burst


@dataclass(slots=True, kw_only=True)
class SoakWorld:
    """A world, where its metrics are served, and the folder where Spark puts its temporary files."""

    world: World
    metrics_port: int
    local: Path
    due: float = field(default_factory=time.monotonic)

    def feed(self) -> None:
        """Sends a burst if one is due; what could not be sent in time is not made up for in one heap."""
        now = time.monotonic()
        if now >= self.due:
            self.world.send_burst()
            self.due = max(self.due + BURST_SECONDS, now - BURST_SECONDS)

    def is_drained(self) -> bool:
        time.sleep(1)  # each look reads topics and a table
        return not any(gather.lags(self.world).values()) and not gather.rows(
            self.world, "xact_task_pending", "event_id"
        )

    def still(self) -> Still:
        return gather.still(self.world)

    def broken(self, stills: list[Still]) -> list[str]:
        """Every invariant that does not hold of what is left behind."""
        return violations(gather.evidence(self.world, stills, 0), BOTH_PIPELINES)

    def figures(self) -> dict[str, int]:
        tables = {"rows": "itel_cabinet_task_tracking", "mappings": "claim_project_mapping",
                  "dead_letters": "dead_letters"}  # fmt: skip
        counted = {name: gather.rows(self.world, table, "count(*) AS n")[0]["n"] for name, table in tables.items()}
        log = self.world.simulator.request_log
        posts = [call for call in gather.calls(log) if call.is_post]
        tasks = sum(call.created_task_id is not None for call in posts)
        return {"records": len(self.world.sender.produced), **counted, "tasks": tasks, "posts": len(posts),
                "calls": gather.count_lines(log)}  # fmt: skip


def new_soak_world(shared: Stack, *, seed: int, trigger_seconds: float) -> SoakWorld:
    """Everything stands, and ClaimX has a bad day."""
    world = shared.world(seed, BOTH_PIPELINES)
    world.feed = SteadyFeed(seed, datetime.now(UTC))
    port, local = free_port(), world.folder / "local"
    local.mkdir()
    told: dict[str, Any] = yaml.safe_load(world.config.read_text())
    world.config.write_text(yaml.safe_dump(_long_running(told, port, local, trigger_seconds)))
    world.settings = load(config=world.config)
    return SoakWorld(world=world, metrics_port=port, local=local)


def _long_running(told: Mapping[str, Any], port: int, local: Path, trigger_seconds: float) -> dict[str, Any]:
    """The heap is taken whole at the start, so that what the JVM grows by afterwards lies outside of it."""
    options = f"{_log_option()} -Xms{HEAP} -XX:+AlwaysPreTouch -Djava.io.tmpdir={local}"
    conf = {"spark.driver.extraJavaOptions": options, "spark.local.dir": str(local),
            "spark.sql.streaming.minBatchesToRetain": str(KEPT_BATCHES)}  # fmt: skip
    jobs = {name: {**job, "trigger_seconds": trigger_seconds} for name, job in told["jobs"].items()}
    spark = {**told["spark"], "driver_memory": HEAP, "conf": conf}
    return {**told, "jobs": jobs, "spark": spark, "metrics": {"port": port}}
