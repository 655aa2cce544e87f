"""task_creation as a query: real broker, the simulator over HTTP, checkpoints, restarts and a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from pyspark.sql import Row

from claimx_lib.connectors.kafka_client import Message, create_topics, send
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.errors import ClaimxError
from claimx_lib.schemas.tables import MAPPING
from claimx_lib.schemas.topics import topic_specs
from claimx_lib.streams.query import start
from claimx_lib.streams.supervise import watch
from claimx_lib.streams.task_creation import stage
from tests.fakes.creation import xact_bytes
from tests.fakes.session import quick_environment
from tests.fakes.world import World, Worlds

JOB = "jobs.task_creation."
QUICK = (
    f"{JOB}retry_delay_seconds=0",
    f"{JOB}retry_backoff_factor=1",
    f"{JOB}negative_cache_seconds=0",
    f"{JOB}settle_seconds=0",
    "claimx.timeout_seconds=10",
)


@dataclass
class Creation:
    """A world with the topics of task_creation, run until what is there is done."""

    world: World
    simulator: Simulator

    def send(self, *values: bytes) -> None:
        topic = self.world.topic("xact_events")
        send(self.world.settings.kafka, [Message(topic=topic, key="k", value=value) for value in values])

    def run(self) -> None:
        context = self.world.context(available_now=True)
        query = start(stage(context), context)
        assert query.awaitTermination(300)
        assert query.exception() is None

    def map(self, claim: str, project: int) -> None:
        now = datetime.now(UTC)
        key = claim.upper().replace("-", "").lstrip("0")
        row = (claim, project, "claimx", now, now, key, now, f"m-{claim}", None)
        frame = self.world.spark.createDataFrame([row], MAPPING.schema)
        self.world.context().warehouse.append(frame, MAPPING.name)

    def messages(self, topic: str) -> list[dict[str, Any]]:
        job = self.world.settings.jobs.task_creation
        names = {"retry": job.retry_topic, "dlq": job.dlq_topic, "sync": self.world.topic("project_sync")}
        told = self.world._messages(names[topic])
        return [{"value": json.loads(m.value()), "headers": dict(m.headers() or []), "raw": m.value()} for m in told]

    def ledger(self) -> list[Row]:
        return self.world.table("xact_task_ledger").collect()

    def pending(self) -> dict[str, Row]:
        return {row.event_id: row for row in self.world.table("xact_task_pending").collect()}

    def versions(self) -> dict[str, int]:
        names = ("xact_task_ledger", "xact_task_pending", "xact_task_plan", "dead_letters")
        open_ = self.world.context().warehouse.open
        return {name: open_(self.world.spark, name).history(1).first()["version"] for name in names}

    def posts(self) -> Counter[str]:
        created = self.simulator.control.tasks()
        return Counter(task["external_reference"] for task in created)


@pytest.fixture
def creation(new: Worlds, simulator: Simulator) -> Callable[..., Creation]:
    """Makes a world for task_creation; arguments are settings."""

    def make(*sets: str) -> Creation:
        own = uuid4().hex[:8]
        names = ("xact_events", "project_sync", "manual_decisions")
        topics = [f"kafka.topics.{name}={own}.{name}" for name in names]
        topics += [f"{JOB}retry_topic={own}.retry", f"{JOB}dlq_topic={own}.dlq"]
        world = new(*QUICK, *topics, *sets)
        create_topics(world.settings.kafka, [s for s in topic_specs(world.settings) if s.name.startswith(own)])
        return Creation(world=world, simulator=simulator)

    return make


@pytest.mark.long
def test_the_three_scenarios_and_the_way_to_a_person(creation: Callable[..., Creation]) -> None:
    """Mapped, other format, not there yet, ambiguous, unreadable: each ends as the document says; run again: nothing."""
    told = creation(f"{JOB}max_retries=1")
    told.map("C1", 5)
    projects = [(5, None), (6, "abc123456"), (7, "D1"), (8, "D1")]
    told.simulator.control.put_projects([{"project_id": p, "claim_number": c} for p, c in projects])
    e3 = xact_bytes("e3", "N-1")
    told.send(xact_bytes("e1", "C1"), xact_bytes("e2", "ABC-123456"), e3, xact_bytes("e4", "D1"), b"\xff",
              xact_bytes("x", "C1", event_type="OTHER"))  # fmt: skip
    told.run()
    assert sorted(task["project_id"] for task in told.simulator.control.tasks()) == [5, 6]
    (sync,) = told.messages("sync")
    assert (sync["value"]["claim_number"], sync["value"]["project_id"], sync["value"]["domain"]) == (
        "ABC-123456",
        6,
        "claimx",
    )
    (retry,) = told.messages("retry")
    assert retry["raw"] == e3
    assert (retry["headers"]["x-retry-count"], retry["headers"]["x-event-id"]) == (b"1", b"e3")
    assert [m["value"]["reason_code"] for m in told.messages("dlq")] == ["ambiguous-project"]
    assert told.pending().keys() == {"e3"}

    told.run()
    (last,) = (m for m in told.messages("dlq") if m["value"]["event_id"] == "e3")
    assert last["value"]["reason"] == "ClaimX project not found after 1 retries"
    assert last["headers"] == {"x-dlq-reason": b"project-not-found", "x-claim-number": b"N-1", "x-event-id": b"e3"}
    assert Counter(row.reason for row in told.world.letters()) == {
        "ambiguous-project": 1, "undecodable": 1, "project-not-found": 1,
    }  # fmt: skip
    versions, calls = told.versions(), len(told.simulator.control.requests())
    told.run()
    assert (told.versions(), len(told.simulator.control.requests())) == (versions, calls)

    told.simulator.control.put_project(9)
    told.map("n1", 9)
    told.run()
    assert set(told.posts().values()) == {1}
    assert len(told.posts()) == 3
    assert {row.state for row in told.world.letters() if row.reason == "project-not-found"} == {"RESOLVED"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("sets", "states", "retries", "sentences"),
    [
        (("resolve_with=[mapping]", "on_unresolved=skip"), ["CREATED", "INTENT", "SKIPPED"], 0, []),
        (("on_unresolved=dead_letter",), ["CREATED", "INTENT"], 0, ["ClaimX project not found"]),
        (("enable_format_normalization=false",), ["CREATED", "INTENT"], 1, []),
        (("max_retries=0",), ["CREATED", "INTENT"], 0, ["ClaimX project not found after 0 retries"]),
    ],
    ids=["conditional", "straight to review", "exact only", "no retries"],
)
def test_each_solution_is_a_matter_of_settings(
    creation: Callable[..., Creation], sets: tuple[str, ...], states: list[str], retries: int, sentences: list[str]
) -> None:
    """A mapped claim gets its task under any; one without its project is skipped, reviewed, or retried, as they say."""
    told = creation(*(f"{JOB}{one}" for one in sets))
    told.map("C1", 5)
    told.simulator.control.put_projects([{"project_id": 5}, {"project_id": 6, "claim_number": "n1"}])
    missing = "N-1" if "enable_format_normalization=false" in sets else "M-1"
    before = len(told.simulator.control.requests())
    told.send(xact_bytes("e1", "C1"), xact_bytes("e2", missing))
    told.run()
    assert sorted(row.state for row in told.ledger()) == states
    assert [task["project_id"] for task in told.simulator.control.tasks()] == [5]
    assert len(told.messages("retry")) == retries == len(told.pending())
    assert [m["value"]["reason"] for m in told.messages("dlq")] == sentences
    asked = [c for c in told.simulator.control.requests()[before:] if c["path"] == "/api/v1/projects"]
    assert bool(asked) == ("resolve_with=[mapping]" not in sets)


@pytest.mark.long
def test_a_dropped_answer_is_adopted(creation: Callable[..., Creation]) -> None:
    """ClaimX commits and drops the answer: one task, found by its reference in the next run."""
    told = creation()
    told.map("C1", 5)
    told.simulator.control.put_project(5)
    told.simulator.control.fault("drop_after_commit", method="POST", count=1)
    told.send(xact_bytes("e1", "C1"))
    told.run()
    told.run()
    assert sorted(row.state for row in told.ledger()) == ["ADOPTED", "INTENT"]
    assert list(told.posts().values()) == [1]
    assert not told.pending()


@pytest.mark.long
def test_a_backlog_is_cut_into_batches(creation: Callable[..., Creation]) -> None:
    """Three times max_records_per_batch makes at least three batches in one available-now run."""
    told = creation(f"{JOB}max_records_per_batch=6")
    told.map("C1", 5)
    told.simulator.control.put_project(5)
    told.send(*(xact_bytes(f"e{n}", "C1") for n in range(18)))
    told.run()
    batches = {row.batch_id for row in told.world.table("xact_task_plan").collect()}
    assert len(batches) >= 3
    assert list(told.posts().values()) == [1] * 18


@pytest.mark.long
def test_a_stop_under_a_backlog_ends_it_between_two_batches(creation: Callable[..., Creation]) -> None:
    """With batches left to do a stop is no failure: the next batch refuses, and the next run creates the rest, each once."""
    told = creation(f"{JOB}max_records_per_batch=2")
    told.map("C1", 5)
    told.simulator.control.put_project(5)
    told.send(*(xact_bytes(f"e{n}", "C1") for n in range(12)))
    context = told.world.context(available_now=True)
    ends: list[ClaimxError | None] = []
    query = start(stage(context), context)

    def stop_after_the_first_post() -> None:
        while query.isActive and not told.posts():
            time.sleep(0.1)
        context.stop.set()

    with ThreadPoolExecutor(1) as beside:
        beside.submit(stop_after_the_first_post)
        watch({"task_creation": query}, context, ended=lambda _, failure: ends.append(failure))
    assert ends == [None]
    assert 0 < len(told.posts()) < 12
    told.run()
    told.run()
    assert list(told.posts().values()) == [1] * 12


@pytest.mark.long
def test_what_a_producer_has_aborted_makes_no_task(creation: Callable[..., Creation]) -> None:
    """Of two transactions, one aborted, the events of the committed one alone are read; the gap stops nothing."""
    told = creation()
    told.map("C1", 5)
    told.simulator.control.put_project(5)
    servers = told.world.settings.kafka.bootstrap_servers
    producer = Producer({"bootstrap.servers": servers, "transactional.id": uuid4().hex})
    producer.init_transactions(30)
    for event_id, end in (("e1", producer.abort_transaction), ("e2", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(told.world.topic("xact_events"), key="k", value=xact_bytes(event_id, "C1"), partition=0)
        producer.flush(30)
        end(30)
    told.send(xact_bytes("e3", "C1"))
    told.run()
    assert {row.event_id for row in told.ledger()} == {"e2", "e3"}
    assert list(told.posts().values()) == [1, 1]


@pytest.mark.long
@pytest.mark.parametrize("point", ["post-sent:2", "pending-merged"])
def test_a_kill_leaves_one_task_an_event(creation: Callable[..., Creation], point: str) -> None:
    """SIGKILL amid the POSTs, or before Kafka: run again, each event has its task, and only one; one without a project,
    which waits beside them, has its letter.
    """
    retries = (f"{JOB}retry_delay_seconds=1", f"{JOB}max_retries=1")
    told = creation("claimx.max_concurrency=1", f"{JOB}intent_ttl_seconds=15", *retries)
    told.map("C1", 5)
    told.simulator.control.put_project(5)
    told.send(*(xact_bytes(f"e{n}", "C1") for n in range(4)), xact_bytes("e9", "C9"))
    assert killed(told, point).returncode == -signal.SIGKILL
    assert 0 < len(told.posts()) <= 4
    deadline = time.monotonic() + 400
    while len(told.posts()) < 4 or told.pending() or not told.ledger():
        assert time.monotonic() < deadline
        told.run()
        told.world.context().stop.wait(1.0)
    assert set(told.posts().values()) == {1}
    done = {row.idempotency_key for row in told.ledger() if row.state in {"CREATED", "ADOPTED"}}
    assert done == set(told.posts())
    assert [row.event_id for row in told.world.letters()] == ["e9"]


def killed(told: Creation, point: str) -> subprocess.CompletedProcess[bytes]:
    """The same settings as `claimx run` in a process of its own that ends at a crash point."""
    sets = [f"--set={one}" for one in told.world._names()]
    fixed = [f"--set=storage.warehouse={told.world.folder}/warehouse", "--set=metrics.port=0",
             f"--set=storage.checkpoints={told.world.folder}/checkpoints"]  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "claimx_lib.cli.main", "run", "task_creation", "--available-now", *sets, *fixed],
        env=quick_environment(CLAIMX_CRASH_AT=point),
        stdout=subprocess.DEVNULL,  # a pipe would last as long as the JVM that outlives the kill
        stderr=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
