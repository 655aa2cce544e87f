"""`claimx erase`, as a person types it, on tables that real streams have written and go on writing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from deltalake import DeltaTable

from claimx_lib import runtime
from claimx_lib.cli.main import main
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.domain.flow import STREAMS
from claimx_lib.operations.erase import ERASED_FROM
from claimx_lib.operations.traces import traces_of
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.world import World, Worlds, event

NAME = "Zebulon Quartzmann"
CLAIM, PROJECT = "AB-0123", 12345
OTHERS_CLAIM, OTHERS_PROJECT = "ZZ-9", 999
CLAIMX = Path(sys.executable).with_name("claimx")
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]  # whole runs of every job


@pytest.fixture
def world(new: Worlds, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> World:
    """Both pipelines with topics of their own, a salt, and a ClaimX that knows both projects."""
    monkeypatch.setenv("CLAIMX_ERASED_SALT", "salt-of-this-test")
    own = uuid4().hex[:8]
    names = [f"kafka.topics.{name}={own}.{name}" for name in ("xact_events", "project_sync", "manual_decisions")]
    world = new(
        *names,
        f"jobs.task_creation.retry_topic={own}.retry",
        f"jobs.task_creation.dlq_topic={own}.dlq",
        *(f"jobs.{job}.trigger_seconds=1" for job in STREAMS),
        "pii.erased_salt={env: CLAIMX_ERASED_SALT}",
    )
    create_topics(world.settings.kafka, topic_specs(world.settings))
    simulator.control.switch(any_task=True)
    simulator.control.put_projects([{"project_id": PROJECT, "claim_number": CLAIM}])
    simulator.control.put_projects([{"project_id": OTHERS_PROJECT, "claim_number": OTHERS_CLAIM}])
    simulator.control.put_projects([{"project_id": 998, "claim_number": "YY-8"}])
    return world


def tell(world: World, claim: str, project: int, name: str, *, tag: str) -> None:
    """What every source says of a person: a project, its tasks, an estimate, and bytes that no job can read."""
    of = {"project_id": str(project), "claim_number": claim, "project_name": name}
    made = {"event_id": f"p-{tag}", "event_type": "PROJECT_CREATED", "project_id": str(project), "project": of}
    made["timestamp"] = "2026-01-10T12:00:00Z"
    done = [event(f"t{n}-{tag}", task=n, project_id=str(project), project=of) for n in (1, 2)]
    broken = f'{{"task_id": 32513, "project": {{"claim_number": "{claim}", "name": "{name}"}}, '
    world.send("claimx_events", [made, *done, broken], key=str(project))
    estimate = {"event_id": f"x-{tag}", "event_type": "ESTIMATE_CREATED", "claim_number": claim, "insured": name}
    world.send("xact_events", [{**estimate, "timestamp": "2026-01-10T13:00:00Z"}], key=claim)
    identity = {"event_id": f"i-{tag}", "domain": "claimx", "claim_number": claim, "project_id": project, "why": name}
    world.send("project_sync", [{**identity, "timestamp": "2026-01-10T11:00:00Z"}], key=claim)


def carried(world: World) -> None:
    """Everything that is there, through all four jobs."""
    report = runtime.run(["all"], world.settings, available_now=True, metrics=world.metrics)
    assert report.failures == ()


def erase(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """The command with `--json`: its exit status and what it tells."""
    sets = [word for one in world.sets() for word in ("--set", one)]
    capsys.readouterr()
    status = main(["erase", *words, "--by", "ann", "--why", "request 17", "--json", *sets])
    told = capsys.readouterr()
    assert told.out, told.err
    return status, json.loads(told.out)


def rows(world: World) -> dict[str, int]:
    sql = DeltaSql(root=world.settings.storage.warehouse)
    return {table: len(sql.rows("SELECT 1 AS one FROM t", table)) for table in ERASED_FROM}


def of_the_person(world: World) -> dict[str, int]:
    """Rows of each table that name the person in any way."""
    texts = (CLAIM, CLAIM.lower(), "AB0123", str(PROJECT), NAME)
    sql = DeltaSql(root=world.settings.storage.warehouse)
    found = {table: [str(row) for row in sql.rows("SELECT * FROM t", table)] for table in ERASED_FROM}
    return {table: n for table, told in found.items() if (n := sum(any(t in row for t in texts) for row in told))}


def event_ids(world: World, table: str) -> set[str]:
    return {
        row["event_id"] for row in DeltaSql(root=world.settings.storage.warehouse).rows("SELECT event_id FROM t", table)
    }


def came(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, timeout_seconds=300, interval_seconds=1)


def versions(world: World) -> dict[str, int]:
    root = world.settings.storage.warehouse
    return {table: DeltaTable(f"{root}/{table}").version() for table in (*ERASED_FROM, "erased_ids")}


def test_a_person_is_erased_for_good(world: World, simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run changes nothing; the erasure leaves nothing of the person in any table or file, says what Kafka holds
    and until when; everything said again brings back nothing and makes no task, and nobody else misses anything.
    """
    warehouse = Path(world.settings.storage.warehouse)
    tell(world, CLAIM, PROJECT, NAME, tag="gone")
    tell(world, OTHERS_CLAIM, OTHERS_PROJECT, "Ann Elsewhere", tag="stays")
    carried(world)
    before, at = rows(world), versions(world)
    held = of_the_person(world)
    assert {"itel_cabinet_task_tracking", "claim_project_mapping", "xact_task_ledger", "dead_letters"} <= held.keys()
    assert traces_of(warehouse, frozenset({NAME}))

    status, dry = erase(world, capsys, "--claim", "ab0123", "--dry-run")
    assert (status, versions(world)) == (0, at)
    assert (dry["claims"], dry["projects"]) == ([CLAIM, "ab0123"], [PROJECT])
    assert {table: n for table, n in dry["rows"].items() if n} == held

    status, told = erase(world, capsys, "--claim", "ab0123", "--streams-stopped", "--sentinel", NAME)
    assert (status, told["complete"], told["files_searched"]) == (0, True, True), told
    assert told["rows"] == dry["rows"]
    assert of_the_person(world) == {}
    assert rows(world) == {table: n - told["rows"][table] for table, n in before.items()}
    assert traces_of(warehouse, frozenset({NAME})) == []
    assert traces_of(Path(world.settings.storage.checkpoints), frozenset({NAME, CLAIM})) == []
    until = {one["topic"]: datetime.fromisoformat(one["until"]) for one in told["kafka"]}
    assert until.keys() == {spec.name for spec in topic_specs(world.settings)}
    days = {topic: round((at - datetime.now(UTC)) / timedelta(days=1)) for topic, at in until.items()}
    assert days == {spec.name: spec.retention_days for spec in topic_specs(world.settings)}

    made = len(simulator.control.tasks())
    left = rows(world)
    tell(world, "ab-0123", PROJECT, NAME, tag="again")
    world.send("tracking", [m["value"] for m in world.received("tracking")])
    carried(world)
    assert of_the_person(world) == {}
    assert rows(world) == left
    assert len(simulator.control.tasks()) == made == 2
    assert traces_of(warehouse, frozenset({NAME})) == []


@pytest.fixture
def streams(world: World) -> Iterator[subprocess.Popen[bytes]]:
    """`claimx run all` as a process of its own, ended by SIGTERM."""
    sets = [word for one in world.sets() for word in ("--set", one)]
    command = [str(CLAIMX), "run", "all", *sets, "--set", f"logging.spark_file={world.folder}/spark.log"]
    with (world.folder / "run.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
    yield process
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=30)


def test_a_person_is_erased_beside_running_streams(
    world: World, streams: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """With every stream at work on the person's own records, before, while and after: nothing of them is left, the
    streams go on, and the report says until when old files stay.
    """
    tell(world, CLAIM, PROJECT, NAME, tag="first")
    tell(world, OTHERS_CLAIM, OTHERS_PROJECT, "Ann Elsewhere", tag="other")
    came(lambda: len(of_the_person(world)) >= 5, "the person's rows")

    for turn in range(3):  # batches of the person's records are at work while it begins
        tell(world, CLAIM, PROJECT, NAME, tag=f"amid-{turn}")
    status, told = erase(world, capsys, "--project", str(PROJECT))

    assert (status, told["complete"], told["amid_a_batch"]) == (0, True, []), told
    assert told["files_gone_by"] is not None
    tell(world, CLAIM, PROJECT, NAME, tag="after")
    tell(world, "YY-8", 998, "Bob Elsewhere", tag="last")
    for table, last in (
        ("claimx_projects", "p-last"),
        ("itel_cabinet_task_tracking", "t2-last"),
        ("xact_task_ledger", "x-last"),
    ):
        came(lambda table=table, last=last: last in event_ids(world, table), last)
    assert streams.poll() is None
    assert of_the_person(world) == {}
