"""What the notebooks' tests share: tables of a small story, a Spark Connect server, and each notebook run once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

import grpc
import pytest

from bootstrap.layout import of_checkout
from claimx_lib.connectors.spark import CATALOG, EXTENSION
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.process import GuardedProcess
from claimx_lib.devstack.quick_jvm import QUICK_JVM
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.schemas.tables import TRACKING
from tests.fakes.analysis import event, hour, letter, step, told
from tests.fakes.session import INTERPRETED, quick_environment
from tests.fakes.warehouse import Tables
from tests.readers.notebooks import Shown, shown

ZONE = "Asia/Tokyo"
CONF = Path(__file__).resolve().parents[3] / "conf"


def lived(hours: int) -> dict[str, datetime]:
    """When a task was created and completed, as its events say it."""
    return {"task_created_at": hour(0), "task_completed_at": hour(hours)}


STORY = {
    TRACKING.name: [
        *(event(n, 0, "assigned", assignment=n) for n in range(1, 23)),
        *(
            event(100 + n, n, "completed", assignment=n, previous_status="assigned", **lived(n))
            for n in range(1, 22)
        ),
        event(201, 30, "in_progress", assignment=1, previous_status="completed", assigned_to_user_id=1),
        event(202, 31, "in_progress", assignment=1, assigned_to_user_id=2, enrichment_status="failed", enrichment_error="timeout"),
        event(203, 50, "assigned", assignment=60, enrichment_status="skipped", rescued_data='{"original_event.x":1}',
              original_event={"task_id": 32513}, processed_timestamp=hour(51)),
    ],
    "dead_letters": [
        letter("a", 1, pipeline="task_tracking", reason="undecodable"),
        letter("b", 1, reason="ambiguous-project"),
        letter("c", 1, state="RESOLVED"),
    ],
    "xact_task_ledger": [
        step("a", "INTENT", 1),
        step("a", "CREATED", 1),
        step("b", "CREATED", 3, resolved_by="api:uppercase"),
        step("c", "REJECTED", 3, reason="task-rejected"),
    ],
    "xact_task_plan": [
        {"query_id": "q", "batch_id": n, "event_id": f"event-{key}", "decision": "Create",
         "payload": f'{{"subject":{{"event":{{"happened_at":"{hour(0).isoformat()}"}}}}}}'}
        for n, key in enumerate("ab")
    ],
    "claim_project_mapping_history": [told(1, 0, source="xact"), told(2, 2, project=8, outcome="conflict")],
    "xact_task_pending": [],
}  # fmt: skip


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the story above, by delta-rs."""
    tables = Tables(root=tmp_path_factory.mktemp("warehouse")).create()
    for name, rows in STORY.items():
        tables.append(name, rows)
    return tables.root


@pytest.fixture(scope="session")
def environment(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a notebook's kernel finds around it: the tables, settings with a time zone of their own, a quick JVM."""
    conf = tmp_path_factory.mktemp("conf")
    for file in CONF.glob("*.yaml"):
        (conf / file.name).write_text(file.read_text("utf-8").replace("timezone: UTC", f"timezone: {ZONE}"), "utf-8")
    return quick_environment(CLAIMX_WAREHOUSE=str(warehouse), CLAIMX_CONF=str(conf))


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server with Delta, started as docs/analysis.md says; its address."""
    port = free_port()
    settings = {
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.spark_catalog": CATALOG,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        **INTERPRETED,
    }
    command = [
        str(Path(sys.executable).with_name("spark-submit")),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *("--master", "local[2]", "--driver-memory", "1g", "--driver-java-options", QUICK_JVM),
        *("--jars", ",".join(map(str, sorted((of_checkout().cache / "jars" / "spark").glob("*.jar"))))),
        *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
        "spark-internal",
    ]
    python = {"PYSPARK_PYTHON": sys.executable}
    server = GuardedProcess(command, name="Spark Connect", log=folder / "connect.log", environment=python)
    with server, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ready = grpc.channel_ready_future(channel)
        wait_until(lambda: ready.done() or not server.is_running, what="a Spark Connect server", timeout_seconds=240)
        assert server.is_running, server.last_words()
        yield f"sc://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Spark Connect server for all notebooks."""
    with connect_server(tmp_path_factory.mktemp("connect")) as address:
        yield address


@pytest.fixture(scope="session")
def over_connect(environment: dict[str, str], remote: str) -> Callable[[str], Shown]:
    """Runs a notebook over Spark Connect, each once."""

    @cache
    def run(name: str) -> Shown:
        return shown(name, environment | {"SPARK_REMOTE": remote})

    return run
