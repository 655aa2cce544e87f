"""mapping_sync on a real broker, with checkpoints: any start and stop, and a SIGKILL at each boundary of its effects."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from claimx_lib import runtime
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.operations.mapping_decisions import author, decision, publish
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.mapping_run import numbered, said
from tests.fakes.session import quick_environment
from tests.fakes.world import World, Worlds

TABLES = ("claim_project_mapping", "claim_project_mapping_history", "claimx_projects", "dead_letters")


@pytest.fixture
def sync(new: Worlds) -> World:
    """A world with a `project.sync` of its own, read ten records at a time."""
    topic = f"{uuid4().hex[:8]}.sync"
    names = [f"kafka.topics.{name}={topic}" for name in ("project_sync", "manual_decisions")]
    world = new(*names, "jobs.mapping_sync.trigger_seconds=0", "jobs.mapping_sync.max_records_per_batch=10")
    create_topics(world.settings.kafka, [spec for spec in topic_specs(world.settings) if spec.name == topic])
    return world


def run(world: World) -> None:
    """The job over what is there, on the world's checkpoint."""
    assert runtime.run(["mapping_sync"], world.settings, available_now=True, metrics=world.metrics).failures == ()


def mapping(world: World) -> dict[str, int]:
    return {row.claim_number: row.project_id for row in world.table("claim_project_mapping").collect()}


def versions(world: World) -> list[int]:
    root = world.settings.storage.warehouse
    return [world.spark.sql(f"DESCRIBE HISTORY delta.`{root}/{name}`").first()["version"] for name in TABLES]


def accounted(world: World) -> list[tuple[Any, ...]]:
    """Each coordinate that a history row or a dead letter names."""
    columns = ("source_topic", "source_partition", "source_offset")
    frames = (world.table(name).select(*columns) for name in TABLES[1::2])
    return sorted({tuple(row) for frame in frames for row in frame.collect()})


def written(world: World) -> list[tuple[Any, ...]]:
    """Every record on `project.sync`."""
    name = world.topic("project_sync")
    return sorted((name, m.partition(), m.offset()) for m in world._messages(name))


@pytest.mark.long
def test_both_domains_and_a_person_make_the_mapping(sync: World) -> None:
    """XACT waits, ClaimX brings the project, a person overrules it; what is wrong is a dead letter; again is nothing."""
    sync.send("project_sync", [said("A-1", None, 1, "xact"), b"\xff{", said("B-2", 7, 2, "xact"), said("---", 1, 3)])
    sync.send("claimx_events", [numbered(12345, "A-1", 5, "PROJECT_CREATED"), numbered(8, "B-2", 6), b"PROJECT_ {"])
    run(sync)
    assert mapping(sync) == {"A-1": 12345, "B-2": 8}
    publish(sync.settings, [decision("B-2", 9)], author("ann", "she called"))
    run(sync)  # in one batch the older event would come first, and be a conflict before the decision
    sync.send("project_sync", [said("B-2", 10, 30)])
    run(sync)
    assert mapping(sync) == {"A-1": 12345, "B-2": 9}
    publish(sync.settings, [decision("B-2", None)], author("ann", "wrong claim"))
    run(sync)
    assert mapping(sync) == {"A-1": 12345, "B-2": 10}
    assert set(written(sync)) <= set(accounted(sync))
    outcomes = sync.table("claim_project_mapping_history").where("claim_number = 'B-2'").orderBy("event_timestamp")
    assert [row.outcome for row in outcomes.collect()] == ["accepted", "conflict", "refused", "accepted", "withdrawn"]
    before = versions(sync)
    run(sync)
    run(sync.with_settings(f"storage.checkpoints={sync.folder}/new-checkpoints"))
    assert versions(sync) == before, "a restart or a new checkpoint wrote something without news"


@pytest.mark.long
def test_a_kill_at_each_boundary_loses_and_doubles_nothing(sync: World) -> None:
    """Killed after the history, the projects and the mapping of its batches, the next runs end as one run would have."""
    sync.send("project_sync", [said(f"S-{n}", n, n) for n in range(1, 9)])
    sync.send("claimx_events", [numbered(n, f"S-{n + 1}", 20 + n) for n in range(1, 9)])
    for place in ("history", "projects", "mapping"):
        killed = submitted(sync, f"mapping_sync.{place}")
        assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    run(sync)
    assert mapping(sync) == {f"S-{n + 1}": n for n in range(1, 9)}
    rows = [tuple(row) for row in sync.table("claim_project_mapping_history").select(
        "event_id", "claim_number", "outcome").collect()]  # fmt: skip
    assert len(rows) == len(set(rows))
    sets = [row for row in rows if row[2] != "withdrawn" or row[0].startswith("claimx-")]
    assert len(sets) == 16
    assert set(written(sync)) <= set(accounted(sync))


def submitted(world: World, crash_at: str) -> subprocess.CompletedProcess[str]:
    """The job in a process of its own that ends itself at a named place."""
    sets = [argument for one in world.sets() for argument in ("--set", one)]
    command = [sys.executable, "-m", "claimx_lib.cli.main", "run", "mapping_sync", "--available-now", *sets]
    environment = quick_environment(CLAIMX_CRASH_AT=crash_at)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
