"""The demo, scraped by a real Prometheus: each metric is there, and says what the tables say that it left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.observability.metrics import label_value
from claimx_lib.operations.gauges import LEDGER_STATES, MICROS
from tests.readers.monitoring import BY_NAME
from tests.readers.prometheus import PrometheusApi

CLAIMX = Path(sys.executable).with_name("claimx")
HOLD_SECONDS = 90
IN_THE_RUN = "last_over_time({name}[1h])"
BY_TABLE = {
    "sum by (status) (itel_worker_events_by_status_total)": (
        "itel_cabinet_task_tracking",
        "SELECT task_status, count(*) AS n FROM t GROUP BY 1",
    ),
    "sum by (status) (itel_worker_enrichment_total) > 0": (
        "itel_cabinet_task_tracking",
        "SELECT enrichment_status, count(*) AS n FROM t GROUP BY 1",
    ),
    "itel_worker_delta_writes_total": ("itel_cabinet_task_tracking", "SELECT count(*) AS n FROM t"),
    "itel_worker_tasks_tracked": ("itel_cabinet_task_tracking", "SELECT count(DISTINCT assignment_id) AS n FROM t"),
    "sum by (pipeline, reason, state) (claimx_dead_letters)": (
        "dead_letters",
        "SELECT pipeline, reason, state, count(*) AS n FROM t GROUP BY 1, 2, 3",
    ),
    "sum by (pipeline, reason) (claimx_dead_letters_opened_total) > 0": (
        "dead_letters",
        "SELECT pipeline, reason, count(*) AS n FROM t GROUP BY 1, 2",
    ),
    "sum by (state) (claimx_task_ledger)": (
        "xact_task_ledger",
        LEDGER_STATES.format(t="t", micros=MICROS),
    ),
    "sum by (outcome, source) (claimx_mapping_changes_total) > 0": (
        "claim_project_mapping_history",
        "SELECT outcome, source, count(*) AS n FROM t GROUP BY 1, 2",
    ),
    "claimx_pending_claims": ("xact_task_pending", "SELECT count(*) AS n FROM t"),
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The demo after its last run, while its figures are still served."""

    tables: DeltaSql
    prometheus: PrometheusApi


@pytest.fixture(scope="module")
def demo(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """`claimx demo` as a person runs it, with a port that a Prometheus scrapes each second."""
    program("prometheus")
    folder, port = tmp_path_factory.mktemp("measured"), free_port()
    words = ["demo", "--events", "300", "--folder", str(folder / "demo"), "--hold", str(HOLD_SECONDS)]
    environment = {**os.environ, "CLAIMX_METRICS_PORT": str(port)}
    with (
        Prometheus(folder=folder / "prometheus", targets=[f"127.0.0.1:{port}"], scrape_seconds=1) as prometheus,
        subprocess.Popen([CLAIMX, *words], env=environment, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            told = next((line for line in process.stdout if "the metrics stay up" in line), "it ended too early")
            assert str(HOLD_SECONDS) in told
            warehouse = DeltaSql(root=str(folder / "demo" / "warehouse"))
            yield Measured(tables=warehouse, prometheus=PrometheusApi(url=prometheus.url))
        finally:
            process.terminate()


@pytest.mark.parametrize("name", BY_NAME)
def test_every_metric_is_there(demo: Measured, name: str):
    """Each declared metric had a series in the demo's run."""
    suffix = "_count" if BY_NAME[name].kind == "histogram" else ""
    assert demo.prometheus.query(IN_THE_RUN.format(name=name + suffix))


@pytest.mark.parametrize("expr", BY_TABLE)
def test_figures_are_those_of_the_tables(demo: Measured, expr: str):
    """What Prometheus says of the demo is what another reader counts in the tables that it left."""
    table, question = BY_TABLE[expr]
    rows = demo.tables.ask(question, table).rows
    counted = {tuple(label_value(str(v)) for name, v in row.items() if name != "n"): row["n"] for row in rows}

    def said() -> dict[tuple[str, ...], float]:
        found = demo.prometheus.query(expr)
        return {
            tuple(value for name, value in labels if name not in {"job", "instance"}): n for labels, n in found.items()
        }

    wait_until(lambda: said() == counted, what=expr, timeout_seconds=15, cure=f"{said()}, counted {counted}")
