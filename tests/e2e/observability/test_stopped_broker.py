"""The broker goes away under a running job: what is told, which alert fires, and that starting again is the cure."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.waiting import wait_until
from tests.e2e.observability.conftest import application
from tests.fakes.world import event, new_world
from tests.readers.monitoring import RULES
from tests.readers.prometheus import PrometheusApi

START_SECONDS = 240.0
GIVE_UP_SECONDS = 420.0
RUNNING = 'claimx_stream_running{job="task_trigger"}'
PUBLISHED = "itel_plugin_events_published_total"
LETTERS = 'claimx_dead_letters{pipeline="task_trigger", reason="undecodable", state="open"}'
OF_LETTERS = {"ClaimxDeadLettersOpened", "ClaimxDeadLettersWaiting"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]  # Kafka's client gives a broker up after minutes


def impatient(folder: Path) -> Path:
    """The alerts, each without its time of waiting: an alert's expression is what is tried here."""
    rules = folder / "alerts.yml"
    rules.write_text(re.sub(r"^( +for:) .*$", r"\1 3s", RULES.read_text("utf-8"), flags=re.MULTILINE))
    return rules


@contextmanager
def alerted(folder: Path, port: int) -> Iterator[PrometheusApi]:
    """A Prometheus that scrapes this port each second, with impatient alerts."""
    settings: dict[str, Any] = {"targets": [f"127.0.0.1:{port}"], "scrape_seconds": 1, "rules": impatient(folder)}
    with Prometheus(folder=folder / "prometheus", **settings) as prometheus:
        yield PrometheusApi(url=prometheus.url)


def told_until_it_gives_up(told: PrometheusApi, process: subprocess.Popen[bytes], log: Path) -> None:
    """The time since progress grows while the job still tries; then it ends with 1 and one line, and its alert fires."""
    since = "claimx_stream_seconds_since_progress"
    wait_until(lambda: told.number(since) > 60, what="no progress is told", timeout_seconds=120)
    assert process.poll() is None
    assert process.wait(timeout=GIVE_UP_SECONDS) == 1
    logged = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    (failed,) = (line for line in logged if line["message"] == "job failed")
    assert "Kafka does not answer" in failed["error"]
    wait_until(
        lambda: told.firing() - OF_LETTERS == {"ClaimxTargetDown"}, what="that alert fires alone", timeout_seconds=30
    )


def test_a_stopped_broker_fires_its_alert_and_a_restart_goes_on(
    program: Callable[..., str], spark: Any, empty_tables: Path, tmp_path: Path
):
    """With the broker gone the job gives up and ClaimxTargetDown fires. With the broker back, the job started again goes
    on, its gauges right before the first batch, its counters from 0, and no alert is left.
    """
    program("prometheus")
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(data_dir=tmp_path / "broker"))
        servers, port, log = broker.bootstrap_servers, free_port(), tmp_path / "run.log"
        sets = [f"metrics.port={port}", "logging.format=json", f"logging.spark_file={tmp_path}/spark.log"]
        world = new_world(spark, tmp_path, empty_tables, servers=servers, api="http://127.0.0.1:1", sets=sets)
        told = stack.enter_context(alerted(tmp_path, port))
        words = [word for pair in world.sets() for word in ("--set", pair)]
        errors = stack.enter_context(log.open("wb"))

        world.send("claimx_events", [*(event(f"e{n}") for n in range(3)), b"\xff 32513"])
        first = stack.enter_context(killed_at_last(application("task_trigger", words, errors)))
        told.wait_for(PUBLISHED, 3, timeout_seconds=START_SECONDS)
        told.wait_for(LETTERS, 1)
        broker.stop()
        told_until_it_gives_up(told, first, log)

        broker.start()
        again = stack.enter_context(killed_at_last(application("task_trigger", words, errors)))
        told.wait_for(RUNNING, 1, timeout_seconds=START_SECONDS)
        told.wait_for(LETTERS, 1)
        assert told.number(PUBLISHED) == 0
        world.send("claimx_events", [event(f"e{n}") for n in range(3, 5)])
        told.wait_for(PUBLISHED, 2)
        wait_until(lambda: told.firing() <= OF_LETTERS, what="the alert is over", timeout_seconds=30)
        again.terminate()
        assert again.wait(timeout=90) == 0
        assert [m["value"]["event_id"] for m in world.received("tracking")] == [f"e{n}" for n in range(5)]


@contextmanager
def killed_at_last(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Whatever becomes of the test, nobody is left."""
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)
