"""One application: start, stop, crash, failure of one job, lost records, backfill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from confluent_kafka import TopicPartition

from claimx_lib import runtime
from claimx_lib.connectors.kafka_client import admin
from claimx_lib.errors import ClaimxError, KafkaError
from claimx_lib.streams.context import StopFlag
from tests.fakes.pushgateway import Pushgateway
from tests.fakes.session import quick_environment
from tests.fakes.world import World, event, tracking_message

CLAIMX = Path(sys.executable).with_name("claimx")


def until(condition: Callable[[], bool], what: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not in {seconds} s"
        time.sleep(0.2)


@contextmanager
def running(world: World, job: str, *own: str) -> Iterator[subprocess.Popen[str]]:
    """`claimx run` as a process of its own, killed at the end if it still lives."""
    log = f"logging.spark_file={world.folder}/spark.log"
    sets = [argument for one in (*world.sets(), log, *own) for argument in ("--set", one)]
    command = [str(CLAIMX), "run", job, *sets]
    process = subprocess.Popen(
        command, env=quick_environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=120)


def jvm_of(process: subprocess.Popen[str]) -> psutil.Process | None:
    children = psutil.Process(process.pid).children()
    return next((child for child in children if child.name() == "java"), None)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_stops_between_two_batches(world: World, number: signal.Signals) -> None:
    """SIGTERM, or Ctrl-C, to a running application ends it with 0, without a traceback, and what it had read stays done; a
    Pushgateway was told of it all along, and has its last figures.
    """
    world.send("claimx_events", [event(f"e{n}") for n in range(5)])
    pushes = ("metrics.pushgateway_url={url}", "metrics.push_seconds=0.5")
    with (
        Pushgateway() as gateway,
        running(world, "task_trigger", *(p.format(url=gateway.url) for p in pushes)) as process,
    ):
        until(lambda: len(world.received("tracking")) == 5, "the events are published")
        goes_on = {(("instance", "continuous"), ("job", "task_trigger"), ("run", "task_trigger")): 1}
        until(lambda: gateway.values("claimx_stream_running") == goes_on, "a push tells that it runs")
        process.send_signal(number)
        _, told = process.communicate(timeout=240)
        assert process.returncode == 0, told
        assert "Traceback" not in told
        published = gateway.values("itel_plugin_events_published_total")
        assert published == {(("instance", "continuous"), ("job", "claimx"), ("run", "task_trigger")): 5}
        assert gateway.values("claimx_stream_running") == {}, "stopped, not failed"
    report = runtime.run(["task_trigger"], world.settings, available_now=True)
    assert report.status == 0
    assert len(world.received("tracking")) == 5


def test_no_jvm_outlives_a_killed_application(world: World) -> None:
    """SIGKILL to Python takes its JVM with it: nobody is left who writes to the checkpoint."""
    with running(world, "task_trigger") as process:
        until(lambda: jvm_of(process) is not None, "Spark's JVM is there")
        jvm = jvm_of(process)
        assert jvm is not None
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not jvm.is_running() or jvm.status() == psutil.STATUS_ZOMBIE, "the JVM is gone")


@pytest.mark.long
def test_a_job_that_fails_leaves_the_others_running(world: World) -> None:
    """A damaged checkpoint ends its own job with one line; the job beside it goes on, what comes later too; status 1."""
    checkpoint = Path(world.settings.storage.checkpoints) / "task_trigger"
    checkpoint.mkdir(parents=True)
    (checkpoint / "metadata").write_text("damaged")
    stop = StopFlag()

    def feed() -> None:
        try:
            for number in (1, 2):
                world.send("tracking", [tracking_message(f"e{number}")])
                until(lambda: len(world.received("tracking_success")) == number, f"e{number} is tracked")  # noqa: B023
        finally:
            stop.set()

    with ThreadPoolExecutor(1) as beside:
        fed = beside.submit(feed)
        report = runtime.run(["task_trigger", "task_tracking"], world.settings, stop=stop)
        fed.result()
    assert [job for job, _ in report.failures] == ["task_trigger"]
    assert "\n" not in str(report.failures[0][1])
    assert report.status == 1
    assert {row.event_id for row in world.rows()} == {"e1", "e2"}


def test_a_stop_that_comes_first_starts_nothing(world: World) -> None:
    """A stop asked for while Spark starts leaves every record unread, and is no failure."""
    world.send("claimx_events", [event("e1")])
    stop = StopFlag()
    stop.set()
    assert runtime.run(["task_trigger"], world.settings, available_now=True, stop=stop).status == 0
    assert world.received("tracking") == []


def test_a_topic_that_is_not_there_is_told_before_anything_starts(world: World) -> None:
    """A job whose topic is missing ends with one line that names the topic and its cure, and leaves no checkpoint."""
    elsewhere = world.with_settings("kafka.topics.claimx_events=not.there")
    with pytest.raises(KafkaError, match=r"not\.there: no such topic at .* claimx topics create"):
        runtime.run(["task_trigger"], elsewhere.settings, available_now=True)
    assert not Path(elsewhere.settings.storage.checkpoints).exists()


@pytest.mark.long
def test_records_that_aged_out_are_told_and_accounted_for(world: World) -> None:
    """Offsets gone from the broker stop the job with one line; accepted, they are one dead letter and it goes on."""
    world.send("claimx_events", [event("e0")])
    assert runtime.run(["task_trigger"], world.settings, available_now=True).status == 0
    partition = world.received("claimx_events")[0]["partition"]
    world.send("claimx_events", [event(f"e{n}") for n in range(1, 6)])
    topic = world.topic("claimx_events")
    client = admin(world.settings.kafka)
    for future in client.delete_records([TopicPartition(topic, partition, 4)]).values():
        future.result(timeout=120)
    with pytest.raises(KafkaError, match=f"{topic}/{partition}, offsets 1 to 3 are gone from the broker"):
        runtime.run(["task_trigger"], world.settings, available_now=True)
    accepting = world.with_settings("kafka.accept_data_loss=true")
    assert runtime.run(["task_trigger"], accepting.settings, available_now=True).status == 0
    assert [message["key"] for message in world.received("tracking")] == ["12345"] * 3
    letters = [(row.reason, row.source_topic, row.source_offset) for row in world.letters()]
    assert letters == [("offsets-aged-out", topic, 1)]


def test_a_backfill_reads_its_range_on_a_checkpoint_of_its_own(world: World) -> None:
    """Only records of the range are processed again; the job's own checkpoint and what is there stay as they are.
    The job may be running: its port is not asked for.
    """
    world.send("claimx_events", [event("early")])
    until(lambda: len(world.received("claimx_events")) == 1, "the event is there")
    between = datetime.now(UTC) + timedelta(milliseconds=5)  # Kafka counts milliseconds: the two must not share one
    until(lambda: datetime.now(UTC) > between, "the clock goes on")
    world.send("claimx_events", [event("late")])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        beside = world.with_settings(f"metrics.port={taken.getsockname()[1]}").settings
        report = runtime.backfill("task_trigger", beside, since=between - timedelta(hours=1), until=between)
    assert report.status == 0
    assert [message["value"]["event_id"] for message in world.received("tracking")] == ["early"]
    assert not (Path(world.settings.storage.checkpoints) / "task_trigger").exists()
    with pytest.raises(ClaimxError, match="this range is done already") as again:
        runtime.backfill("task_trigger", world.settings, since=between - timedelta(hours=1), until=between)
    assert "move that folder away" in again.value.cure
    assert runtime.backfill("task_trigger", world.settings, since=between, until=None).status == 0
    assert [message["value"]["event_id"] for message in world.received("tracking")] == ["early", "late"]


def test_a_backfill_leaves_to_the_job_what_it_has_not_done(world: World) -> None:
    """Beside a job that may be amid a batch: records that its checkpoint has not committed are its own."""
    began = datetime.now(UTC) - timedelta(hours=1)
    world.send("claimx_events", [event("done")])
    assert runtime.run(["task_trigger"], world.settings, available_now=True).status == 0
    world.send("claimx_events", [event("at work")])
    assert runtime.backfill("task_trigger", world.settings, since=began, until=None).status == 0
    assert [message["value"]["event_id"] for message in world.received("tracking")] == ["done", "done"]
