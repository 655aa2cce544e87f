"""One real run of all jobs, scraped by a real Prometheus: known input, its figures and its log."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import pytest

from claimx_lib.connectors.kafka_client import Message, create_topics, send
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.session import quick_environment
from tests.fakes.world import World, event, new_world
from tests.readers.prometheus import PrometheusApi

TOKEN = "sentinel-token-5b1f"
PERSON = "Sentinel Q. Person"
START_SECONDS = 420.0
TRACKED = {"assigned": 12, "in_progress": 6, "completed": 2}
NOT_OURS = 5
SYNCED, BY_API, NORMALIZED, NOT_FOUND = 6, 2, 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRun:
    """A running `claimx run all`: where it is measured, what it logs, what it is given."""

    world: World
    simulator: Simulator
    prometheus: PrometheusApi
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """Its log so far, a JSON object a line; a line that is none raises."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def say(self, topic: str, *values: object) -> None:
        """Messages to one of its topics."""
        messages = [Message(topic=topic, key="k", value=_bytes(value)) for value in values]
        send(self.world.settings.kafka, messages)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def xact(number: int, claim: str) -> dict[str, Any]:
    """An XACT event that asks for a task."""
    return {"event_id": f"x{number}", "event_type": "ESTIMATE_CREATED", "claim_number": claim,
            "timestamp": "2026-01-10T12:00:00Z", "estimate": {"owner": PERSON}}  # fmt: skip


def identity(number: int, claim: str, project: int) -> dict[str, Any]:
    """An identity event of domain claimx."""
    return {"event_id": f"i{number}", "domain": "claimx", "claim_number": claim, "project_id": project,
            "timestamp": "2026-01-10T11:00:00Z"}  # fmt: skip


@pytest.fixture(scope="module")
def real_run(
    program: Callable[..., str],
    broker: Broker,
    spark: Any,
    empty_tables: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealRun]:
    """Up and idle at first, then given everything that the constants above say."""
    program("prometheus")
    folder, port, own = tmp_path_factory.mktemp("real-run"), free_port(), uuid4().hex[:8]
    with Simulator(token=TOKEN, folder=folder / "simulator") as simulator:
        sets = _own_settings(own, folder)
        world = new_world(
            spark, folder, empty_tables, servers=broker.bootstrap_servers, api=simulator.base_url, sets=sets
        )
        create_topics(world.settings.kafka, topic_specs(world.settings))
        words = [word for pair in [*world.sets(), f"metrics.port={port}"] for word in ("--set", pair)]
        log = folder / "run.log"
        with log.open("wb") as errors, application("all", words, errors) as process:
            try:
                with Prometheus(
                    folder=folder / "prometheus", targets=[f"127.0.0.1:{port}"], scrape_seconds=1
                ) as prometheus:
                    run = RealRun(
                        world=world,
                        simulator=simulator,
                        prometheus=PrometheusApi(url=prometheus.url),
                        process=process,
                        log=log,
                    )
                    _until(run, "sum(claimx_stream_running)", 4)
                    _feed(run)
                    yield run
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()


def application(jobs: str, words: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """`claimx run` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "claimx_lib.cli.main", "run", jobs, *words],
        env=quick_environment(CLAIMX_API_TOKEN=TOKEN),
        stdout=subprocess.DEVNULL,
        stderr=errors,
    )


def _own_settings(own: str, folder: Path) -> list[str]:
    return [
        *(f"kafka.topics.{name}={own}.{name}" for name in ("xact_events", "project_sync", "manual_decisions")),
        f"jobs.task_creation.retry_topic={own}.retry",
        f"jobs.task_creation.dlq_topic={own}.dlq",
        "jobs.task_creation.max_retries=0",
        "claimx.circuit.failures=1000",
        "metrics.refresh_seconds=1",
        "logging.format=json",
        "pii.mask_messages=true",
        f"logging.spark_file={folder}/spark.log",
    ]


def _until(run: RealRun, expr: str, value: float) -> None:
    wait_until(
        lambda: run.prometheus.number(expr) == value or run.process.poll() is not None,
        what=f"{expr} is {value:g}",
        timeout_seconds=START_SECONDS,
        cure=f"it is {run.prometheus.number(expr):g}; {run.log.read_text()[-1500:]}",
    )
    assert run.process.poll() is None, run.log.read_text()[-1500:]


def _feed(run: RealRun) -> None:
    topics, control = run.world.settings.kafka.topics, run.simulator.control
    control.switch(any_task=True)
    control.put_projects(
        [{"project_id": 200 + n, "claim_number": f"API{n:03}"} for n in range(BY_API)]
        + [{"project_id": 300, "claim_number": "NORM0001"}]
        + [{"project_id": 100 + n, "claim_number": f"SYN{n:03}"} for n in range(SYNCED)]
    )
    run.say(topics.project_sync, *(identity(n, f"SYN{n:03}", 100 + n) for n in range(SYNCED)))
    _until(run, 'sum(claimx_mapping_changes_total{outcome="accepted"})', SYNCED)
    statuses = [status for status, number in TRACKED.items() for _ in range(number)]
    person = {"project_id": "12345", "claim_number": "ABC123456", "project_name": PERSON}
    run.say(
        topics.claimx_events,
        *(event(f"e{n}", status=status, task=700 + n % 10, project=person) for n, status in enumerate(statuses)),
        *(event(f"o{n}", template=1) for n in range(NOT_OURS)),
        b"\xff 32513 " + PERSON.encode(),
    )
    claims = [f"SYN{n:03}" for n in range(SYNCED)] + [f"API{n:03}" for n in range(BY_API)]
    claims += ["norm-0001"] * NORMALIZED + [f"NONE{n:03}" for n in range(NOT_FOUND)]
    run.say(topics.xact_events, *(xact(n, claim) for n, claim in enumerate(claims)))
    _until(run, "sum(itel_worker_messages_processed_total)", len(statuses))
    _until(run, 'sum(claimx_task_ledger{state="created"})', SYNCED + BY_API + NORMALIZED)
    _until(run, 'sum(claimx_dead_letters{state="open"})', NOT_FOUND + 1)
    _until(run, 'sum(claimx_mapping_changes_total{outcome="accepted"})', SYNCED + BY_API + NORMALIZED)
    _until(run, "sum(claimx_stream_lag_records)", 0)
