"""The procedures of docs/operations.md, each carried out as it is written there."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from claimx_lib import runtime
from claimx_lib.config.versions import SCHEMA_VERSION
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import TableError
from claimx_lib.operations.tables import create_missing
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.claimx import TOKEN
from tests.fakes.world import World, Worlds, event

TRACKING = ("task_trigger", "task_tracking")
CREATION = "task_creation"
pytestmark = pytest.mark.long  # whole runs, one after the other


def run(world: World, *jobs: str) -> dict[str, str]:
    """What an available-now run of the jobs says of those that failed."""
    report = runtime.run(jobs, world.settings, available_now=True, metrics=world.metrics)
    return {job: str(error) for job, error in report.failures}


def ids(world: World) -> list[str]:
    return sorted(row.event_id for row in world.rows())


def xact(number: int, hour: int) -> dict[str, object]:
    return {"event_id": f"x{number}", "event_type": "ESTIMATE_CREATED", "claim_number": "ABC123456",
            "timestamp": f"2026-01-10T{hour:02}:00:00Z"}  # fmt: skip


def with_creation(new: Worlds, *sets: str) -> World:
    """A world with topics of its own for task creation too."""
    own = uuid4().hex[:8]
    names = [f"kafka.topics.{name}={own}.{name}" for name in ("xact_events", "project_sync", "manual_decisions")]
    world = new(*names, f"jobs.task_creation.retry_topic={own}.retry", f"jobs.task_creation.dlq_topic={own}.dlq", *sets)
    create_topics(world.settings.kafka, topic_specs(world.settings))
    return world


def test_the_token_is_rotated(new: Worlds, simulator: Simulator, tmp_path: Path) -> None:
    """With a token that ran out tracking goes on and creation waits; with the new one in place, nothing else changed,
    both catch up: each task once, each row repaired.
    """
    token = tmp_path / "token"
    token.write_text("expired")
    world = with_creation(new, f"claimx.token={{file: {token}}}")
    simulator.control.switch(any_task=True)
    simulator.control.put_projects([{"project_id": 55, "claim_number": "ABC123456"}])
    world.send("claimx_events", [event("e1", task=7)])
    world.send("xact_events", [xact(1, 12)])
    failures = run(world, *TRACKING, CREATION)
    assert list(failures) == ["task_creation"]
    assert "401" in failures["task_creation"]
    assert [row.enrichment_status for row in world.rows()] == ["failed"]
    assert simulator.control.tasks() == []

    token.write_text(TOKEN)
    wait_until(
        lambda: run(world, CREATION) == {} and bool(simulator.control.tasks()),
        what="the pause after the 401 is over and the task made",
        timeout_seconds=300,
    )
    assert runtime.repair(world.settings, since=None, limit=10).outcomes == {"enriched": 1}
    assert len(simulator.control.tasks()) == 1


def test_the_tables_are_lost_and_come_back_from_a_backup(world: World, simulator: Simulator) -> None:
    """Tables of yesterday and no checkpoint: the topics bring what is missing, and nothing is tracked twice."""
    simulator.control.switch(any_task=True)
    warehouse, backup = Path(world.settings.storage.warehouse), world.folder / "backup"
    world.send("claimx_events", [event(f"a{n}", task=n) for n in range(1, 6)])
    assert run(world, *TRACKING) == {}
    shutil.copytree(warehouse, backup)
    world.send("claimx_events", [event(f"b{n}", task=n) for n in range(1, 6)])
    assert run(world, *TRACKING) == {}
    shutil.rmtree(warehouse)
    shutil.rmtree(world.settings.storage.checkpoints)

    shutil.copytree(backup, warehouse)
    assert run(world, *TRACKING) == {}
    assert ids(world) == sorted(f"{part}{n}" for part in "ab" for n in range(1, 6))


def created_since_a_backup(new: Worlds, simulator: Simulator) -> tuple[World, Path, Path]:
    """A world, its warehouse and a copy of that from before the second of its two tasks."""
    world = with_creation(new)
    simulator.control.put_projects([{"project_id": 55, "claim_number": "ABC123456"}])
    warehouse, backup = Path(world.settings.storage.warehouse), world.folder / "backup"
    world.send("xact_events", [xact(1, 9)])
    assert run(world, CREATION) == {}
    shutil.copytree(warehouse, backup)
    world.send("xact_events", [xact(2, 10)])
    assert run(world, CREATION) == {}
    return world, warehouse, backup


def test_an_older_ledger_makes_no_second_task(new: Worlds, simulator: Simulator) -> None:
    """A ledger from before some tasks were made, and `events_since` at the disaster: no task is made again, those
    events are on record as left out, and what comes later is created.
    """
    world, warehouse, backup = created_since_a_backup(new, simulator)
    assert len(simulator.control.tasks()) == 2
    shutil.rmtree(warehouse)
    shutil.rmtree(world.settings.storage.checkpoints)

    shutil.copytree(backup, warehouse)
    after = world.with_settings("jobs.task_creation.events_since=2026-01-10T11:00:00Z")
    world.send("xact_events", [xact(3, 12)])
    assert run(after, CREATION) == {}
    assert len(simulator.control.tasks()) == 3
    ledger = world.table("xact_task_ledger").where("state = 'SKIPPED'").collect()
    assert {(row.event_id, row.reason) for row in ledger} == {("x2", "before-events-since")}


def test_a_task_that_an_older_ledger_has_forgotten_is_adopted(new: Worlds, simulator: Simulator) -> None:
    """A ledger from before some tasks were made, and `look_before_creating`: what ClaimX has is adopted, an event that
    nobody had come to, older than the backup's own, gets its task, each once, and the next run without it changes nothing.
    """
    world, warehouse, backup = created_since_a_backup(new, simulator)
    world.send("xact_events", [xact(3, 8)])
    shutil.rmtree(warehouse)
    shutil.rmtree(world.settings.storage.checkpoints)

    shutil.copytree(backup, warehouse)
    after = world.with_settings("jobs.task_creation.look_before_creating=true")
    assert run(after, CREATION) == {}
    ledger = world.table("xact_task_ledger").where("state != 'INTENT'").collect()
    assert sorted((row.event_id, row.state) for row in ledger) == [
        ("x1", "CREATED"),
        ("x2", "ADOPTED"),
        ("x3", "CREATED"),
    ]
    tasks = simulator.control.tasks()
    assert len({task["external_reference"] for task in tasks}) == len(tasks) == 3
    world.send("xact_events", [xact(4, 12)])
    assert run(world, CREATION) == {}
    assert len(simulator.control.tasks()) == 4


def test_to_another_site_and_back(new: Worlds, simulator: Simulator) -> None:
    """Tables copied whole after a stop, checkpoints left behind, there and back: each event has one row and one task,
    and ClaimX is asked again for nothing that is on record.
    """
    here = with_creation(new)
    there = here.with_settings(
        f"storage.warehouse={here.folder}/there/warehouse", f"storage.checkpoints={here.folder}/there/checkpoints"
    )
    simulator.control.switch(any_task=True)
    simulator.control.put_projects([{"project_id": 55, "claim_number": "ABC123456"}])
    sites = (here, there, here)
    for turn, site in enumerate(sites, start=1):
        if turn > 1:
            left = sites[turn - 2].settings.storage
            shutil.rmtree(site.settings.storage.warehouse, ignore_errors=True)
            shutil.rmtree(site.settings.storage.checkpoints, ignore_errors=True)
            shutil.move(left.warehouse, site.settings.storage.warehouse)
        before = len(simulator.control.requests())
        here.send("claimx_events", [event(f"e{turn}", task=turn)])
        here.send("xact_events", [xact(turn, 8 + turn)])
        assert run(site, *TRACKING, "mapping_sync", CREATION) == {}
        assert ids(site) == [f"e{n}" for n in range(1, turn + 1)]
        assert [task["project_id"] for task in simulator.control.tasks()] == [55] * turn
        asked = [r["path"] for r in simulator.control.requests()[before:] if r["path"].startswith("/api/v1/tasks/")]
        assert asked == [f"/api/v1/tasks/{turn}"]


def test_back_to_blue_after_green_has_migrated(world: World, simulator: Simulator) -> None:
    """Columns that a newer version added stay and disturb nobody; a newer schema version is refused in one line."""
    simulator.control.switch(any_task=True)
    world.send("claimx_events", [event("e1", task=1)])
    assert run(world, *TRACKING) == {}
    table = f"delta.`{world.settings.storage.warehouse}/itel_cabinet_task_tracking`"
    world.spark.sql(f"ALTER TABLE {table} ADD COLUMNS (of_green STRING)")
    world.send("claimx_events", [event("e2", task=2)])
    assert run(world, *TRACKING) == {}
    assert [(row.event_id, row.of_green) for row in world.rows()] == [("e1", None), ("e2", None)]
    newer = str(int(SCHEMA_VERSION) + 1)
    world.spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('claimx.schema_version' = '{newer}')")
    with pytest.raises(TableError, match=f"schema version {newer}, newer than this claimx's.*run the newer claimx"):
        run(world, *TRACKING)


def test_green_beside_blue_then_in_its_place(world: World, simulator: Simulator) -> None:
    """Green on tables, checkpoints and topics of its own has blue's rows and leaves blue's alone; put in blue's place
    it goes on where blue stopped, with no row and no call again.
    """
    simulator.control.switch(any_task=True)
    world.send("claimx_events", [event(f"e{n}", task=n) for n in range(1, 9)])
    assert run(world, *TRACKING) == {}
    blues = world.rows()
    own = uuid4().hex[:8]
    green = world.with_settings(
        f"storage.warehouse={world.folder}/green/warehouse",
        f"storage.checkpoints={world.folder}/green/checkpoints",
        *(f"kafka.topics.{name}={own}.{name}" for name in ("tracking", "tracking_success", "tracking_errors")),
        f"jobs.task_trigger.triggers.32513.on_any.publish_to_topic={own}.tracking",
    )
    create_topics(green.settings.kafka, topic_specs(green.settings))
    create_missing(green.spark, green.settings)
    assert run(green, *TRACKING) == {}
    columns = ["event_id", "event_timestamp", "task_status", "enrichment_status", "source_offset"]
    assert [[row[c] for c in columns] for row in green.rows()] == [[row[c] for c in columns] for row in blues]
    assert world.rows() == blues

    calls = len(simulator.control.requests())
    assert run(world, *TRACKING) == {}
    assert world.rows() == blues
    assert len(simulator.control.requests()) == calls
