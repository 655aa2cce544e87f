"""Cabinet task tracking end to end: a real broker, ClaimX over HTTP, real queries with checkpoints."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from claimx_lib import runtime
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.session import quick_environment
from tests.fakes.world import World, Worlds, event

TRACKING = ("task_trigger", "task_tracking")
TRANSITIONS = ("created", "assigned", "in_progress", "in_review", "completed")


def run(world: World) -> None:
    """Both jobs over what is there, in one application, on the world's checkpoints."""
    report = runtime.run(TRACKING, world.settings, available_now=True, metrics=world.metrics)
    assert report.failures == ()


def requests(simulator: Simulator) -> int:
    return len(simulator.control.requests())


def test_task_creation(world: World, simulator: Simulator) -> None:
    """Scenario 1: a creation event of template 32513 passes the trigger, is enriched and stands in the table, once."""
    simulator.control.put_tasks([{"id": 7001, "status": "created", "name": "Cabinet"}])
    world.send("claimx_events", [event("e1", status="created", task=7001), event("x", template=1)])
    run(world)
    row = world.rows()[0]
    assert (row.event_id, row.task_id, row.assignment_id, row.task_status) == ("e1", 32513, 7001, "created")
    assert (row.enrichment_status, row.claimx_task_full.name) == ("enriched", "Cabinet")
    assert (row.source_topic, row.source_offset) == (world.topic("claimx_events"), 0)
    assert [m["key"] for m in world.received("tracking_success")] == ["e1"]
    assert len(world.rows()) == 1
    before, version = requests(simulator), _version(world)
    run(world)
    assert (requests(simulator), _version(world)) == (before, version), "a restart without input made a call or a row"
    fresh = world.with_settings(f"storage.checkpoints={world.folder}/new-checkpoints")
    run(fresh)
    assert [row.event_id for row in world.rows()] == ["e1"]
    assert requests(simulator) == before, "a new checkpoint called ClaimX for an event that is there"


def _version(world: World) -> int:
    return DeltaSql(root=world.settings.storage.warehouse).version("itel_cabinet_task_tracking")


@pytest.mark.long
def test_status_transitions(world: World, simulator: Simulator) -> None:
    """Scenario 2: every status change of two tasks, sent out of order and some twice, is a row; the timeline is right."""
    simulator.control.put_tasks([{"id": 7101, "status": "completed"}, {"id": 7102, "status": "completed"}])
    events = [
        event(f"t{task}-{n}", status=status, task=task, timestamp=f"2026-01-{10 + n}T08:00:00Z")
        for task in (7101, 7102)
        for n, status in enumerate(TRANSITIONS)
    ]
    world.send("claimx_events", [*reversed(events), *events[2:5]])
    run(world)
    for task in (7101, 7102):
        timeline = [row.task_status for row in world.rows() if row.assignment_id == task]
        assert timeline == list(TRANSITIONS)
    told = world.received("tracking_success")
    assert {m["key"] for m in told} == {e["event_id"] for e in events}


@pytest.mark.long
def test_api_failure(world: World, simulator: Simulator) -> None:
    """Scenario 3: ClaimX fails: the row is written without details, an error is published, the job ends well; when
    ClaimX is back, reenrich repairs the row and nothing else, and a second time finds nothing to do.
    """
    simulator.control.fault("status", status=500)
    world.send("claimx_events", [event("e1", task=7201)])
    run(world)
    assert [(row.event_id, row.enrichment_status) for row in world.rows()] == [("e1", "failed")]
    assert [m["value"]["reason"] for m in world.received("tracking_errors")] == ["api-unavailable"]
    simulator.control.clear_faults()
    simulator.control.put_tasks([{"id": 7201, "status": "open", "rooms": [{"name": "kitchen"}], "a b": 1}])
    repaired = runtime.repair(world.settings, since=None, limit=100)
    assert (repaired.asked, repaired.outcomes) == (1, {"enriched": 1})
    row = world.rows()[0]
    assert row.claimx_task_full.rooms[0].name == "kitchen"
    assert row.rescued_data == '{"claimx_task_full":{"a b":"1"}}'
    assert runtime.repair(world.settings, since=None, limit=100).asked == 0


@pytest.mark.long
def test_burst(new: Worlds, simulator: Simulator) -> None:
    """A burst with one hot task: each event once, each task asked for once a batch, nothing left behind."""
    world = new("jobs.task_trigger.max_records_per_batch=4000", "jobs.task_trigger.log_events_per_batch=0")
    simulator.control.switch(any_task=True)
    before = requests(simulator)
    events = [event(f"b{n}", task=8000 + (n % 50 if n % 2 else 0), timestamp=1768048496000 + n) for n in range(3000)]
    world.send("claimx_events", [*events, *(event(f"x{n}", template=7) for n in range(3000))])
    run(world)
    assert world.table("itel_cabinet_task_tracking").selectExpr(
        "count(*) AS n", "count(distinct event_id) AS d"
    ).collect()[0].asDict() == {"n": 3000, "d": 3000}
    assert requests(simulator) - before <= 26 * 2
    assert world.metrics.value("itel_worker_enrichment_total", status="enriched") == 3000


@pytest.mark.long
@pytest.mark.parametrize("place", ["tracking-before-append", "tracking-after-append"])
def test_driver_killed_amid_a_batch(world: World, simulator: Simulator, place: str) -> None:
    """A kill -9 of the driver before or after the append, then a restart: no row lost or doubled, every message said."""
    simulator.control.switch(any_task=True)
    events = [event(f"k{n}", task=9000 + n) for n in range(20)]
    world.send("claimx_events", events)
    runtime.run(["task_trigger"], world.settings, available_now=True, metrics=world.metrics)
    assert killed(world, place) == -signal.SIGKILL
    there = len(world.rows())
    assert there == (0 if place == "tracking-before-append" else 20)
    run(world)
    assert [row.event_id for row in world.rows()] == sorted(e["event_id"] for e in events)
    assert {m["key"] for m in world.received("tracking_success")} == {e["event_id"] for e in events}


def killed(world: World, place: str) -> int:
    """The status of a process that runs task_tracking until it comes to `place`, and dies there as in a power cut."""
    words = [word for pair in world.sets() for word in ("--set", pair)]
    command = [sys.executable, "-m", "claimx_lib.cli.main", "run", "task_tracking", "--available-now", *words]
    environment = quick_environment(CLAIMX_CRASH_AT=place)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _, errors = process.communicate(timeout=400)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == -signal.SIGKILL, errors.decode()[-2000:]
    return process.returncode
