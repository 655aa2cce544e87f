"""The whole list of bad input through all five topics of one real broker, in one run of all four jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from pyspark.sql import Row, SparkSession

from claimx_lib import runtime
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.bad_input import (
    ODD_CLAIMS,
    ODD_HEADERS,
    ODD_PROJECTS,
    as_bytes,
    estimate,
    identity,
    project,
    spoilt,
    spoilt_as,
)
from tests.fakes.claimx import TOKEN
from tests.fakes.world import World, event, new_world, tracking_message

TOPICS = ("claimx_events", "tracking", "project_sync", "xact_events", "retry")
MEGABYTES = 8
LARGEST_BYTES = 32_000_000
Place = tuple[str, int, int]


@pytest.fixture
def big_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that takes records of many megabytes."""
    with Broker(data_dir=tmp_path / "broker", message_max_bytes=LARGEST_BYTES) as broker:
        yield broker


@pytest.fixture
def world(
    spark: SparkSession, big_broker: Broker, simulator: Simulator, empty_tables: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:  # fmt: skip
    """Topics of their own for both pipelines, and retries that come after the test."""
    own = uuid4().hex[:8]
    sets = [f"kafka.topics.{name}={own}.{name}" for name in ("project_sync", "xact_events")]
    sets += [f"kafka.topics.manual_decisions={own}.project_sync", f"jobs.task_creation.retry_topic={own}.retry"]
    sets += [f"jobs.task_creation.dlq_topic={own}.dlq", "jobs.task_creation.retry_delay_seconds=600"]
    monkeypatch.setenv("CLAIMX_API_TOKEN", TOKEN)
    servers, api = big_broker.bootstrap_servers, simulator.base_url
    made = new_world(spark, tmp_path, empty_tables, servers=servers, api=api, sets=sets)
    create_topics(made.settings.kafka, [s for s in topic_specs(made.settings) if s.name.startswith(own)])
    return made


def bad_records() -> dict[str, list[Any]]:
    """Values by topic; every event id is of one topic alone."""
    huge = "x" * MEGABYTES * 1_000_000
    return {
        "claimx_events": [
            *spoilt(event).values(),
            *spoilt_as("p", project),
            *(project(f"m{n}", project_id=1_000 + n, metadata={"claim_number": c}) for n, c in enumerate(ODD_CLAIMS)),
            event("huge", note=huge),
        ],
        "tracking": [*spoilt_as("t", tracking_message), tracking_message("t-huge", note=huge)],
        "project_sync": [
            *spoilt_as("i", identity),
            *(identity(f"c{n}", claim_number=c, by=c, why=c) for n, c in enumerate(ODD_CLAIMS)),
            *(identity(f"q{n}", claim_number=f"Q{n}", project_id=p) for n, p in enumerate(ODD_PROJECTS)),
        ],
        "xact_events": [
            *spoilt_as("x", estimate),
            *(estimate(f"xc{n}", claim_number=c) for n, c in enumerate(ODD_CLAIMS)),
            estimate("x-huge", note=huge),
        ],
        "retry": [*spoilt_as("r", estimate), *(estimate(f"rc{n}", claim_number=c) for n, c in enumerate(ODD_CLAIMS))],
    }


def name_of(world: World, role: str) -> str:
    return str(world.settings.jobs.task_creation.retry_topic) if role == "retry" else world.topic(role)


def produced(world: World, records: dict[str, list[Any]]) -> dict[str, set[Place]]:
    """Where each record landed, by role, as a client of none of ours was told; some with odd headers and keys."""
    landed: dict[str, set[Place]] = {role: set() for role in records}
    producer = Producer({"bootstrap.servers": world.settings.kafka.bootstrap_servers, "message.max.bytes": LARGEST_BYTES,
                         "log_level": 0})  # fmt: skip
    for role, values in records.items():
        for number, value in enumerate(values):
            producer.produce(
                name_of(world, role), key=b"\xff" if number % 7 else None, value=as_bytes(value),
                headers=[h for h in ODD_HEADERS[number % len(ODD_HEADERS)] if h[0]],
                on_delivery=lambda _, m, role=role: landed[role].add((m.topic(), m.partition(), m.offset())),
            )  # fmt: skip
    assert producer.flush(60) == 0
    assert {role: len(landed[role]) for role in landed} == {role: len(values) for role, values in records.items()}
    return landed


def places(rows: Iterable[Row]) -> Counter[Place]:
    return Counter((row.source_topic, row.source_partition, row.source_offset) for row in rows)


def outcomes(world: World, job: str, *names: str) -> dict[str, int]:
    value = world.metrics.value
    return {name: int(value("claimx_stream_records_total", job=job, outcome=name)) for name in names}


def identity_adds_up(world: World, landed: dict[str, set[Place]], letters: Counter[Place]) -> None:
    """Each record of project.sync is in the history or a dead letter; all that was read has an outcome."""
    history = places(world.table("claim_project_mapping_history").collect())
    assert landed["project_sync"] == {p for p in history + letters if p[0] == world.topic("project_sync")}
    mapping = outcomes(world, "mapping_sync", "history", "dead_letter", "project", "not_ours")
    assert sum(mapping.values()) == len(landed["claimx_events"]) + len(landed["project_sync"])


def tracking_adds_up(world: World, landed: dict[str, set[Place]], letters: Counter[Place]) -> None:
    """Each tracking message, ours and those that task_trigger passed on, is a row or a dead letter."""
    trigger = outcomes(world, "task_trigger", "published", "not_ours", "dead_letter")
    assert sum(trigger.values()) == len(landed["claimx_events"])
    assert {p for p in letters if p[0] == world.topic("claimx_events")} <= landed["claimx_events"]
    tracked = outcomes(world, "task_tracking", "tracked", "repeated", "skipped", "dead_letter")
    assert sum(tracked.values()) == len(landed["tracking"]) + trigger["published"]
    rows, refused = places(world.rows()), places(r for r in world.letters() if r.pipeline == "task_tracking")
    assert landed["tracking"] <= set(rows + refused)
    assert (rows.total(), refused.total()) == (tracked["tracked"], tracked["dead_letter"])
    assert tracked["repeated"] == tracked["skipped"] == 0


def creation_adds_up(world: World, landed: dict[str, set[Place]]) -> None:
    """Each estimate is pending, in the ledger, an open dead letter (one that a mapping recovered has its task), or not
    ours, and in one of them only.
    """
    kept = [
        world.table("xact_task_pending"),
        world.table("xact_task_ledger").where("state NOT IN ('INTENT', 'NOT_SENT')"),
    ]
    still_open = places(r for r in world.letters() if r.state == "OPEN")
    creation = still_open + sum((places(table.collect()) for table in kept), start=Counter[Place]())
    ours = {p for p in creation if p[0] in {name_of(world, "xact_events"), name_of(world, "retry")}}
    not_ours = outcomes(world, "task_creation", "not_ours")["not_ours"]
    assert len(ours) == len(landed["xact_events"]) + len(landed["retry"]) - not_ours
    assert {place: creation[place] for place in ours if creation[place] != 1} == {}


def run_all(world: World) -> dict[str, int]:
    """All four jobs over what is there, none of which may fail; then how many rows two tables have."""
    assert runtime.run(["all"], world.settings, available_now=True, metrics=world.metrics).failures == ()
    return {name: world.table(name).count() for name in ("dead_letters", "itel_cabinet_task_tracking")}


@pytest.mark.long
def test_every_record_is_accounted_for_by_its_coordinates(world: World, simulator: Simulator) -> None:
    """Each record of the five topics is one row, or one dead letter, or pending, in the ledger, in the history, or is
    counted as not ours; no job ends for it, and a second run adds nothing.
    """
    simulator.control.put_projects([{"project_id": 7, "claim_number": "C-9"}])
    landed = produced(world, bad_records())
    left = run_all(world)
    letters = places(world.letters())
    assert set(letters.values()) == {1}
    identity_adds_up(world, landed, letters)
    tracking_adds_up(world, landed, letters)
    creation_adds_up(world, landed)
    assert run_all(world) == left
