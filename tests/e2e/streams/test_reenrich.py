"""Rows whose enrichment failed, repaired."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError

from claimx_lib import runtime
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.streams.reenrich import Repaired
from tests.fakes.world import World, Worlds, tracking_message


def test_failed_rows_are_repaired_in_place(world: World, simulator: Simulator) -> None:
    """After an outage the failed rows get their details, the others stay, each repaired one is told; then none is left."""
    simulator.control.put_tasks([{"id": 1, "status": "done", "rooms": 3}, {"id": 2, "status": "open"}])
    simulator.control.fault("status", path="/api/v1/tasks/1", status=500)
    simulator.control.fault("status", path="/api/v1/tasks/3", status=500)
    messages = [tracking_message(f"e{task}", task=task) for task in (1, 2, 3)]
    world.send("tracking", messages)
    assert runtime.run(["task_tracking"], world.settings, available_now=True).status == 0
    assert sorted(row.enrichment_status for row in world.rows()) == ["enriched", "failed", "failed"]
    assert runtime.repair(world.settings, since=None, limit=1) == Repaired(asked=1, outcomes={"failed": 1}, is_cut=True)
    simulator.control.clear_faults()
    assert runtime.repair(world.settings, since=datetime.now(UTC) + timedelta(hours=1), limit=10).asked == 0
    lately = datetime.now(UTC) - timedelta(minutes=10)
    assert min(row.event_timestamp.timestamp() for row in world.rows()) < lately.timestamp(), "the events are older"
    assert runtime.repair(world.settings, since=lately, limit=10) == Repaired(
        asked=2, outcomes={"enriched": 1, "not_found": 1}
    )
    rows = {row.event_id: row for row in world.rows()}
    assert rows["e1"].enrichment_status == "enriched"
    assert rows["e1"].claimx_task_full.rooms == 3
    assert rows["e1"].enrichment_error is None
    assert rows["e3"].enrichment_status == "not_found"
    told = [(m["key"], m["value"]["enrichment_status"]) for m in world.received("tracking_success")]
    assert sorted(told[3:]) == [("e1", "enriched"), ("e3", "not_found")]
    calls = len(simulator.control.requests())
    assert runtime.repair(world.settings, since=None, limit=10).asked == 0
    assert len(simulator.control.requests()) == calls


@pytest.mark.long
def test_what_could_not_be_told_is_not_repaired(world: World, simulator: Simulator) -> None:
    """Where Kafka does not take the message the row stays failed, as after a kill before the MERGE: the next repair does both."""
    simulator.control.put_tasks([{"id": 1, "status": "done"}])
    simulator.control.fault("status", path="/api/v1/tasks/1", status=500)
    world.send("tracking", [tracking_message("e1", task=1)])
    assert runtime.run(["task_tracking"], world.settings, available_now=True).status == 0
    simulator.control.clear_faults()
    with pytest.raises(Py4JJavaError, match="RecordTooLargeException"):
        runtime.repair(world.with_settings("kafka.max_message_bytes=10").settings, since=None, limit=10)
    assert [row.enrichment_status for row in world.rows()] == ["failed"]
    assert runtime.repair(world.settings, since=None, limit=10).outcomes == {"enriched": 1}
    told = [m["value"]["enrichment_status"] for m in world.received("tracking_success")]
    assert (told, [row.enrichment_status for row in world.rows()]) == (["failed", "enriched"], ["enriched"])


@pytest.mark.long
def test_a_repair_asks_for_the_project_where_the_row_has_none(new: Worlds, simulator: Simulator) -> None:
    """With `project_lookup` a failed row gets its project too; one that is there already is neither asked nor lost."""
    world = new("jobs.task_tracking.project_lookup=true")
    simulator.control.put_tasks([{"id": task, "status": "done"} for task in (1, 2, 3)])
    simulator.control.put_project(12345, "C-1")
    simulator.control.fault("status", path="/api/v1/tasks/*", status=500)
    world.send("tracking", [tracking_message("e1", task=1)])
    assert runtime.run(["task_tracking"], world.settings, available_now=True).status == 0
    simulator.control.fault("status", path="/api/v1/projects/*", status=500)
    world.send("tracking", [tracking_message("e2", task=2)])
    assert runtime.run(["task_tracking"], world.settings, available_now=True).status == 0
    before = [(row.enrichment_status, row.claimx_project_full is not None) for row in world.rows()]
    assert before == [("failed", True), ("failed", False)]
    simulator.control.clear_faults()
    assert runtime.repair(world.settings, since=None, limit=10).outcomes == {"enriched": 2}
    rows = world.rows()
    assert [row.enrichment_status for row in rows] == ["enriched", "enriched"]
    assert [row.claimx_project_full.claim_number for row in rows] == ["C-1", "C-1"]


@pytest.mark.long
def test_rows_that_were_asked_for_wrongly_are_asked_for_again(new: Worlds, simulator: Simulator) -> None:
    """The runbook's cure for a wrong path: its statement makes `not_found` rows `failed`, the repair settles each anew."""
    world = new("claimx.paths.task=/api/v2/wrong/{task_id}")
    simulator.control.put_tasks([{"id": 1, "status": "done"}])
    world.send("tracking", [tracking_message(f"e{task}", task=task) for task in (1, 2)])
    began = datetime.now(UTC) - timedelta(minutes=1)
    assert runtime.run(["task_tracking"], world.settings, available_now=True).status == 0
    assert [row.enrichment_status for row in world.rows()] == ["not_found", "not_found"]
    mended = world.with_settings("claimx.paths.task=/api/v1/tasks/{task_id}")
    assert runtime.repair(mended.settings, since=began, limit=10).asked == 0, "a 404 is an answer"
    world.spark.sql(_statement(f"{world.settings.storage.warehouse}/itel_cabinet_task_tracking", began))
    assert runtime.repair(mended.settings, since=began, limit=10).outcomes == {"enriched": 1, "not_found": 1}
    assert {row.assignment_id: row.enrichment_status for row in world.rows()} == {1: "enriched", 2: "not_found"}
    assert {row.enrichment_error for row in world.rows() if row.assignment_id == 1} == {None}


def _statement(table: str, began: datetime) -> str:
    """The runbook's own statement, on a table in a folder."""
    page = (Path(__file__).resolve().parents[3] / "docs/operations.md").read_text()
    (statement,) = re.findall(r"```sql\n(UPDATE itel_cabinet_task_tracking .*?)```", page, re.DOTALL)
    statement = statement.replace("itel_cabinet_task_tracking", f"delta.`{table}`", 1)
    return statement.replace("<ticket>", "T-1").replace("<when it began>", began.isoformat())
