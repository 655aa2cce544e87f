"""R16: tasks created a second, over what ClaimX's limits let anybody create."""

from __future__ import annotations

import json
import statistics
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.config.secrets import read_secret
from claimx_lib.connectors import kafka
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.connectors.claimx_api import RequestsClaimX
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.domain.clock import SYSTEM_CLOCK
from claimx_lib.domain.rate import HEADROOM, RateLimiter
from claimx_lib.schemas.tables import MAPPING
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.creation_flow import Flow
from claimx_lib.streams.creation_wiring import flow_of
from claimx_lib.streams.small_batches import COMPILED, plan_for
from claimx_lib.streams.task_creation import process_batch
from tests.fakes.creation import xact_bytes
from tests.fakes.world import World
from tests.performance.claimx import IN_FLIGHT, LATENCY_SECONDS
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import seconds_of
from tests.performance.tracking_world import streamed, tracking_world

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EVENTS, PROJECTS = 1_000, 100
LARGER = (2_000, 5_000)
RATE = 100.0
"""Calls a second, as shipped: with 32 calls in flight of 20 ms each it is the rate that limits."""


def measure() -> Result:
    """A full batch of events of mapped claims, each a task; against as many POSTs at the same pace and no ledger.

    In the notes larger batches, the least that any ledger on Delta costs (a look, a commit before, one after), and the
    least that creating once costs (`docs/adr/0010-create-once.md`: the plan, too, and what is read back, and messages).
    """
    with tracking_world(f"claimx.requests_per_second={RATE}") as world:
        claimx = SimulatorControl(world.settings.claimx.base_url)
        claimx.put_projects([{"project_id": n, "claim_number": _claim(n)} for n in range(1, PROJECTS + 1)])
        claimx.switch(latency_seconds=LATENCY_SECONDS)
        _map(world)
        batches = _Batches(world=streamed(world), context=world.context())
        result = ratio(
            "R16",
            "tasks created/s ÷ POSTs/s at the same rate, concurrency and latency without a ledger",
            Goal(bound=Bound.AT_LEAST, limit=0.80),
            ours=lambda: batches.created(EVENTS),
            other=lambda: EVENTS / seconds_of(lambda: _bare(world)),
            unit="tasks/s",
            pairs=4,
        )
        created, wanted = len(claimx.tasks()), 2 * EVENTS * (1 + len(result.ours))
        if created != wanted:
            raise RuntimeError(f"{created} tasks created, not {wanted}")
        result.notes.update(events_a_batch=EVENTS, requests_per_second=RATE)
        result.notes.update(_beside(world, batches, statistics.median(result.other)))
        return result


def _beside(world: World, batches: _Batches, pace: float) -> dict[str, object]:
    least = [EVENTS / seconds_of(lambda: _with_a_bare_ledger(world)) for _ in range(4)][1:]
    once = [EVENTS / seconds_of(lambda: _with_bare_commits_of_create_once(world)) for _ in range(4)][1:]
    return {
        "larger_batches": {events: round(batches.created(events) / pace, 3) for events in LARGER},
        "with_a_bare_ledger": round(statistics.median(least) / pace, 3),
        "with_the_bare_commits_of_create_once": round(statistics.median(once) / pace, 3),
    }


@dataclass(kw_only=True)
class _Batches:
    """One batch after the other, in a job that goes on."""

    world: World
    context: JobContext
    number: int = -1
    flow: Flow | None = None

    def created(self, events: int) -> float:
        """Tasks a second of a batch of so many new events."""
        self.flow = self.flow or flow_of(self.context)
        self.number += 1
        values = [xact_bytes(f"x{self.number}-{n}", _claim(n % PROJECTS + 1)) for n in range(events)]
        records = self.world.frame(values, topic="xact.events", first=self.number * max(LARGER))
        frame, batch = records.withColumn("timestamp", F.current_timestamp()), self.world.batch(self.number)
        plan_for(events, COMPILED, self.world.spark, self.context.session)
        return events / seconds_of(lambda: process_batch(frame, batch, self.context, flow=self.flow))


def _claim(number: int) -> str:
    return f"C{number:08d}"


def _map(world: World) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"claim_number": _claim(n), "claim_key": _claim(n), "project_id": n, "source": "claimx", "event_id": f"m{n}"}
        | dict.fromkeys(("created_at", "updated_at", "event_timestamp"), at)
        for n in range(1, PROJECTS + 1)
    ]
    named = [tuple(row.get(field.name) for field in MAPPING.schema) for row in rows]
    world.context().warehouse.append(world.spark.createDataFrame(named, MAPPING.schema), MAPPING.name)


def _with_a_bare_ledger(world: World) -> None:
    """POSTs between two appends to a Delta table, after a look for their keys: no plan, no order, no messages."""
    ledger, rows = f"{world.folder}/bare-ledger", _new_keys(world)
    _require_new(world, rows, ledger)
    _append(rows, ledger, "INTENT")
    _bare(world)
    _append(rows, ledger, "CREATED")


def _with_bare_commits_of_create_once(world: World) -> None:
    """What a crash anywhere needs to be told apart: plan, plan as read, INTENT, its order, outcome, messages."""
    plan, ledger, rows = f"{world.folder}/bare-plan", f"{world.folder}/bare-ledger", _new_keys(world)
    _require_new(world, rows, ledger)
    _append(rows, plan, "PLAN")
    _read(world, plan, rows)
    _append(rows, ledger, "INTENT")
    _read(world, ledger, rows)
    _bare(world)
    _append(rows, ledger, "CREATED")
    topic = F.lit(world.topic("tracking_success")).alias("topic")
    kafka.write(rows.select(topic, F.lit("k").alias("key"), F.col("state").alias("value")), world.settings.kafka)


def _new_keys(world: World) -> DataFrame:
    keys = [(f"{uuid.uuid4().hex}-{n}", "") for n in range(EVENTS)]
    return world.spark.createDataFrame(keys, "idempotency_key STRING, state STRING")


def _append(rows: DataFrame, table: str, state: str) -> None:
    rows.withColumn("state", F.lit(state)).write.format("delta").mode("append").save(table)


def _require_new(world: World, rows: DataFrame, table: str) -> None:
    if Path(table).exists() and _found(world, table, rows).count():
        raise RuntimeError("a new key was there")


def _read(world: World, table: str, rows: DataFrame) -> None:
    if len(_found(world, table, rows).collect()) != EVENTS:
        raise RuntimeError("a key is not there that was written")


def _found(world: World, table: str, rows: DataFrame) -> DataFrame:
    return world.spark.read.format("delta").load(table).join(F.broadcast(rows), "idempotency_key", "left_semi")


def _bare(world: World) -> None:
    """As many POSTs as the rate allows, to the last one, by the product's own client."""
    limiter = RateLimiter(RATE * (1 + HEADROOM), SYSTEM_CLOCK)
    token = read_secret(world.settings.claimx.token, path="claimx.token")
    client = RequestsClaimX(api_settings(world.settings.claimx, token))
    run = uuid.uuid4().hex
    body = json.dumps({"task_type": "review_estimate", "title": "Review Estimate"})

    def create(number: int) -> None:
        limiter.acquire(float("inf"), lambda: False)
        creation = client.create_task(str(number % PROJECTS + 1), body, f"bare-{run}-{number}")
        if creation.task_id is None:
            raise RuntimeError(creation.answer.error)

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        list(threads.map(create, range(EVENTS)))
    client.close()
