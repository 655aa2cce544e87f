"""`spark-submit` on a real cluster: the same results as on one machine, from what is shipped alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.connectors.kafka_client import Message, send
from claimx_lib.devstack.quick_jvm import QUICK_JVM
from claimx_lib.devstack.scenario import tracking_scenario
from claimx_lib.devstack.seed import seed_tracking
from tests.fakes.claimx import TOKEN
from tests.fakes.cluster import SPARK_HOME, UNCOMPILED, Cluster

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings
    from claimx_lib.devstack.broker import Broker
    from claimx_lib.devstack.simulator.process import Simulator

ROOT = Path(__file__).resolve().parents[2]
JOBS = ("task_trigger", "task_tracking", "mapping_sync", "task_creation")
EVENTS = 150
COMPARED = {
    "itel_cabinet_task_tracking": "event_id, event_type, event_timestamp, task_id, assignment_id, project_id, task_status, "
    "enrichment_status, source_partition, source_offset, rescued_data",
    "claim_project_mapping": "claim_number, project_id, source, claim_key, event_id",
    "claim_project_mapping_history": "event_id, claim_number, outcome",
    "claimx_projects": "project_id, claim_number, project_name, event_id",
    "xact_task_ledger": "idempotency_key, event_id, state, claim_number, project_id",
    "xact_task_pending": "event_id, claim_number, attempts",
    "dead_letters": "pipeline, state, reason, claim_number, event_id, attempts, raw_value",
}
"""What of each table follows from the records alone: no clock (what ClaimX tells is as new as the call), no name of a
topic, no place in one for a record without a key, no number that ClaimX gives.
"""
PROBE = """
import json, sys
from pyspark.sql import SparkSession
def loaded(_):
    import claimx_lib.partitions.enrich, claimx_lib.connectors.claimx_api, pyarrow, pandas, requests
    names = sorted({n.partition('.')[0] for n in sys.modules})
    yield json.dumps({'path': sys.path, 'files': [f for m in list(sys.modules.values()) if (f := getattr(m, '__file__', None))]})
context = SparkSession.builder.getOrCreate().sparkContext
for told in context.parallelize(range(2), 2).mapPartitions(loaded).collect():
    print('PROBE ' + told)
context.stop()
"""


def _sets(folder: Path, broker: Broker, simulator: Simulator, name: str) -> list[str]:
    topics = (
        "claimx_events",
        "xact_events",
        "project_sync",
        "manual_decisions",
        "tracking",
        "tracking_success",
        "tracking_errors",
    )
    own = {topic: f"{name}.{'project_sync' if topic == 'manual_decisions' else topic}" for topic in topics}
    return [
        *(f"kafka.topics.{topic}={called}" for topic, called in own.items()),
        f"jobs.task_trigger.triggers.32513.on_any.publish_to_topic={own['tracking']}",
        f"jobs.task_creation.retry_topic={name}.retry",
        f"jobs.task_creation.dlq_topic={name}.dlq",
        f"kafka.bootstrap_servers={broker.bootstrap_servers}",
        f"claimx.base_url={simulator.base_url}",
        f"storage.warehouse={folder}/{name}/warehouse",
        f"storage.checkpoints={folder}/{name}/checkpoints",
        "metrics.port=0",
        "jobs.task_creation.max_retries=0",
    ]


def _seeded(sets: list[str], simulator: Simulator) -> Settings:
    """Topics, records and what ClaimX knows: the same for every call."""
    settings = load(sets=sets)
    scenario = tracking_scenario(events=EVENTS, seed=7, until=datetime(2026, 1, 10, tzinfo=UTC))
    seed_tracking(settings, scenario)
    known = next(p for p in scenario.projects if p.get("claim_number"))
    for project, claim in ((880001, "XACT-0001"), (880002, "SYNC-1"), (880004, "PROJECT-1")):
        simulator.control.put_project(project, claim)
    topics = settings.kafka.topics
    told = {"domain": "claimx", "timestamp": "2026-01-10T11:00:00Z"}
    for number, claim in enumerate(["SYNC-1", "sync-01"]):
        event = {**told, "event_id": f"sync-{number}", "claim_number": claim, "project_id": 880002 + number}
        _send(settings, topics.project_sync, claim, event)
    project = {"project_id": "880004", "claim_number": "PROJECT-1", "project_name": "House"}
    made = {"event_id": "project-1", "event_type": "PROJECT_CREATED", "project_id": "880004", "project": project}
    _send(settings, topics.claimx_events, "880004", {**made, "timestamp": "2026-01-10T11:30:00Z"})
    for number, claim in enumerate([known["claim_number"], "XACT-0001", "NOBODY-1", "SYNC-1", "PROJECT1"]):
        event = {"event_id": f"xact-{number}", "event_type": "ESTIMATE_CREATED", "claim_number": claim}
        _send(settings, topics.xact_events, claim, {**event, "timestamp": "2026-01-10T12:00:00Z"})
    return settings


def _send(settings: Settings, topic: str, key: str, value: dict[str, Any]) -> None:
    send(settings.kafka, [Message(topic=topic, key=key, value=json.dumps(value))])


def _found(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    sql = DeltaSql(root=settings.storage.warehouse)
    return {
        table: sorted(map(dict, sql.rows(f"SELECT {columns} FROM t", table)), key=str)  # noqa: S608  (the columns above)
        for table, columns in COMPARED.items()
    }


def _words(sets: list[str]) -> list[str]:
    return [word for one in sets for word in ("--set", one)]


def _locally(folder: Path, *words: str) -> None:
    small = _words(["spark.driver_memory=1g", f"spark.conf={json.dumps(UNCOMPILED)}"])
    command = [str(Path(sys.executable).with_name("claimx")), *words, *small]
    environment = {**os.environ, "CLAIMX_API_TOKEN": TOKEN, "JDK_JAVA_OPTIONS": QUICK_JVM}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.timeout(2400)
def test_all_jobs_give_the_same_results_as_on_one_machine(
    cluster: Cluster, broker: Broker, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pipelines, submitted job by job to two workers, leave the tables that one process on this machine leaves."""
    monkeypatch.chdir(ROOT)
    sets = {name: _sets(tmp_path, broker, simulator, name) for name in ("alone", "cluster")}
    _locally(tmp_path, "tables", "create", *_words(sets["alone"]))
    shutil.copytree(tmp_path / "alone", tmp_path / "cluster")
    alone = _seeded(sets["alone"], simulator)
    _locally(tmp_path, "run", "all", "--available-now", *_words(sets["alone"]))
    wanted = _found(alone)
    together = _seeded(sets["cluster"], simulator)
    for job in (*JOBS, "mapping_sync"):
        words = [*_words(sets["cluster"]), "--available-now"]
        cluster.submit(cluster.shipped.jobs / f"{job}.py", *words, environment={"CLAIMX_API_TOKEN": TOKEN})

    found = _found(together)

    assert {table: len(rows) for table, rows in found.items()} == {table: len(rows) for table, rows in wanted.items()}
    assert found == wanted
    assert {row["state"] for row in found["xact_task_ledger"]} == {"INTENT", "CREATED"}
    assert all(rows for table, rows in found.items() if table != "xact_task_pending"), found


@pytest.mark.timeout(900)
def test_executors_import_what_is_shipped_and_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    """Every module that an executor loads comes from the archive, the code's zip, Spark or Python's own library."""
    script = tmp_path / "probe.py"
    script.write_text(PROBE)

    told = [json.loads(line[6:]) for line in cluster.submit(script).splitlines() if line.startswith("PROBE ")]

    assert len(told) == 2
    work = [f"{cluster.folder}/worker-{number}/work/" for number in range(2)]
    library = str(Path(json.__file__).parents[1])
    for executor in told:
        stray = [
            file
            for file in executor["files"]
            if not file.startswith((*work, "./", str(SPARK_HOME), library))
            or (file.startswith(library) and "site-packages" in file)
        ]
        assert stray == []
        ours = [file for file in executor["files"] if "claimx_lib" in file]
        assert ours
        assert all("claimx-cluster.zip" in file for file in ours)
        assert any("/environment/site-packages/pyarrow" in file for file in executor["files"])
