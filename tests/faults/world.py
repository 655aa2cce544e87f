"""A world for many runs: topics, tables, checkpoints and a ClaimX of its own on the one broker."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.devstack.quick_jvm import INTERPRETED
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.claimx import TOKEN
from tests.faults.checkpoint import Progress, progress
from tests.faults.feed import Feed, TrackingFeed
from tests.faults.feed_both import BothFeed
from tests.faults.feed_identity import IdentityFeed
from tests.faults.plan import BOTH_PIPELINES, JOBS
from tests.faults.sender import Sender

PROJECTS_A_REQUEST = 100
_ROLES = {"tracking": ("claimx_events", "tracking", "tracking_success", "tracking_errors"),
         "identity": ("claimx_events", "xact_events", "project_sync", "retry", "dlq")}  # fmt: skip
ROLES = {**_ROLES, BOTH_PIPELINES: tuple(dict.fromkeys(role for roles in _ROLES.values() for role in roles))}
FEEDS: dict[str, type[Feed]] = {"tracking": TrackingFeed, "identity": IdentityFeed, BOTH_PIPELINES: BothFeed}
CREATION = {
    "max_retries": 2,
    "retry_delay_seconds": 1,
    "retry_backoff_factor": 1,
    "negative_cache_seconds": 0,
    "settle_seconds": 1,
    "intent_ttl_seconds": 12,
    "trigger_seconds": 0.5,
}
DROPPED: dict[str, Any] = {"kind": "drop_after_commit", "method": "POST", "probability": 0.1}
_API_FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "tracking": (
        {"kind": "status", "status": 500, "method": "GET", "probability": 0.04},
        {"kind": "status", "status": 429, "retry_after": "1", "method": "GET", "probability": 0.02},
        {"kind": "reset", "method": "GET", "probability": 0.03},
        {"kind": "garbage", "method": "GET", "probability": 0.02},
    ),
    "identity": (
        DROPPED,
        {"kind": "hang_after_commit", "method": "POST", "probability": 0.02},
        {"kind": "status", "status": 500, "method": "POST", "probability": 0.03},
        {"kind": "status", "status": 429, "retry_after": "1", "probability": 0.03},
        {"kind": "reset", "probability": 0.02},
        {"kind": "status", "status": 503, "method": "GET", "probability": 0.03},
    ),
}
API_FAULTS = {**_API_FAULTS, BOTH_PIPELINES: _API_FAULTS["identity"]}
MASTER = "local[2,4]"
"""Two cores, and a task that fails is tried four times, as a cluster does."""
CALLS_A_SECOND = {"tracking": 10, "identity": 20, BOTH_PIPELINES: 80}
"""Of one pipeline so few that a burst could exceed them: a tracking world has 40 tasks, each asked for once a minute."""
LATENCY_SECONDS = {"tracking": 0.02, "identity": 0.05, BOTH_PIPELINES: 0.05}


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that outlives the drivers; `topics` gives each role its topic's name."""

    seed: int
    pipeline: str
    folder: Path
    settings: Settings
    topics: dict[str, str]
    simulator: Simulator
    feed: Feed
    sender: Sender
    jobs: tuple[str, ...] = field(default=())
    jvm_logs: tuple[Path, ...] = ()
    """What Spark's JVMs say: those that drivers start, and one that they attach to."""
    rows_made_twice: bool = False
    """Whether the tracking table was lost once its messages had been sent."""

    @property
    def config(self) -> Path:
        return self.folder / "settings.yaml"

    @property
    def output(self) -> Path:
        """What the drivers said."""
        return self.folder / "drivers.log"

    def send_burst(self, times: int = 1) -> None:
        """ClaimX knows the burst's projects and the topics hold its records, each so often, when this returns."""
        burst = self.feed.burst()
        for start in range(0, len(burst.projects), PROJECTS_A_REQUEST):
            self.simulator.control.put_projects(burst.projects[start : start + PROJECTS_A_REQUEST])
        self.sender.send(burst.items if times == 1 else list(reversed(burst.items * times)))

    def failures(self, since: int = 0) -> list[str]:
        """Why jobs of this world ended, each in its line that is for a person, from that byte of `output` on."""
        return failures_in(self.output, since)

    def checkpoint(self, job: str) -> Path:
        return Path(self.settings.storage.checkpoints) / job

    def progress(self, job: str) -> Progress:
        return progress(self.checkpoint(job))

    def begun(self) -> dict[str, int]:
        """The newest batch that each job has begun."""
        return {job: self.progress(job).begun for job in self.jobs}

    def is_in_batch(self, since: dict[str, int]) -> bool:
        """Whether any job is in a batch with records that was begun since then: one that a dead driver left is none."""
        reached = {job: self.progress(job) for job in self.jobs}
        return any(at.is_in_batch and at.begun > since[job] for job, at in reached.items())

    def spoil_api(self) -> None:
        """ClaimX answers as it does on a bad day, seeded; it honours no Idempotency-Key, so that a second POST shows."""
        control = self.simulator.control
        control.switch(idempotency=False, latency_seconds=LATENCY_SECONDS[self.pipeline])
        for number, fault in enumerate(API_FAULTS[self.pipeline]):
            control.fault(**fault, seed=self.seed * 100 + number)

    def end_faults(self) -> None:
        """ClaimX is well again, but for one answer in ten that it drops after the commit."""
        control = self.simulator.control
        control.clear_faults()
        control.fault(**DROPPED, seed=self.seed * 100 + 99)


def failures_in(output: Path, since: int = 0) -> list[str]:
    """Why jobs ended, of what drivers have said."""
    return [error for _, error in failed_jobs(output, since)]


def failed_jobs(output: Path, since: int = 0) -> list[tuple[str, str]]:
    """Which jobs ended and why, of what drivers have said from that byte on."""
    said = output.read_bytes()[since:].decode() if output.is_file() else ""
    told = [json.loads(line) for line in said.splitlines() if '"job failed"' in line]
    return [(str(one["job"]), str(one["error"])) for one in told]


def new_world(
    *,
    seed: int,
    pipeline: str,
    folder: Path,
    tables: Path,
    servers: str,
    simulator: Simulator,
    creation: dict[str, float],
) -> World:
    """A world with empty tables (copies of those in `tables`), topics that nobody else uses, and a spoiled API."""
    own = f"w{seed}-{uuid4().hex[:6]}"
    topics = {role: f"{own}.{role}" for roles in ROLES.values() for role in roles}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    shutil.copytree(tables, folder / "data" / "warehouse")
    (folder / "token").write_text(TOKEN)
    (folder / "settings.yaml").write_text(
        yaml.safe_dump(_config(folder, topics, servers, simulator.base_url, creation, CALLS_A_SECOND[pipeline]))
    )
    settings = load(config=folder / "settings.yaml")
    create_topics(settings.kafka, [spec for spec in topic_specs(settings) if spec.name.startswith(own)])
    feed = FEEDS[pipeline](seed, datetime.now(UTC))
    jobs = JOBS.get(pipeline) or tuple(job for jobs in JOBS.values() for job in jobs)
    simulator.control.reset()
    world = World(seed=seed, pipeline=pipeline, folder=folder, settings=settings, topics=topics, simulator=simulator,
                  feed=feed, sender=Sender(servers, topics, folder / "produced.jsonl"), jobs=jobs,
                  jvm_logs=(folder / "spark.log",))  # fmt: skip
    simulator.control.put_tasks(feed.tasks())
    world.spoil_api()
    return world


def _config(
    folder: Path, topics: dict[str, str], servers: str, api: str, creation: dict[str, float], calls_a_second: int
) -> dict[str, object]:
    names = {n: topics[n] for n in ("claimx_events", "xact_events", "project_sync", "tracking", "tracking_success",
                                    "tracking_errors")}  # fmt: skip
    return {
        "kafka": {"bootstrap_servers": servers, "replication_factor": 1, "create_input_topics": True,
                  "topics": {**names, "manual_decisions": topics["project_sync"]}},
        "claimx": {"base_url": api, "token": {"file": str(folder / "token")}, "timeout_seconds": 1, "max_retries": 1, "retry_backoff_base": 1,
                   "requests_per_second": calls_a_second, "circuit": {"failures": 10, "open_seconds": 2}},
        "storage": {"warehouse": str(folder / "data" / "warehouse"), "checkpoints": str(folder / "data" / "checkpoints")},
        "spark": {"master": MASTER, "shuffle_partitions": 1, "snapshot_partitions": 1, "driver_memory": "1g",
                  "conf": dict(INTERPRETED)},
        "metrics": {"port": 0, "refresh_seconds": 600},
        "logging": {"spark_file": str(folder / "spark.log")},
        "jobs": {
            "task_trigger": {"trigger_seconds": 0.5, "log_events_per_batch": 0,
                             "triggers": {32513: {"on_any": {"publish_to_topic": topics["tracking"]}}}},
            "task_tracking": {"trigger_seconds": 0.5},
            "mapping_sync": {"trigger_seconds": 0.5},
            "task_creation": {**CREATION, **creation, "retry_topic": topics["retry"], "dlq_topic": topics["dlq"]},
        },
    }  # fmt: skip
