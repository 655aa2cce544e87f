"""R14: how long an event takes to its row through both jobs, over the least that two triggers and two writes take."""

from __future__ import annotations

import json
import random
import statistics
import time
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.streams import query, task_tracking, task_trigger
from tests.fakes.world import World, event
from tests.performance.frame import Bound, Goal, Result
from tests.performance.tracking_feed import seconds_of
from tests.performance.tracking_world import tracking_world

WARM_UP, EVENTS, BARE = 15, 60, 15
TRIGGER_SECONDS = 1.0
TABLE = "itel_cabinet_task_tracking"
GIVEN_UP_AFTER = 60.0


def measure() -> Result:
    """The 95th percentile of single events, from before they are sent to the commit that has their row."""
    jobs = ("task_trigger", "task_tracking")
    with tracking_world(*(f"jobs.{job}.trigger_seconds={TRIGGER_SECONDS:.0f}" for job in jobs)) as world:
        context, chance = world.context(), random.Random(14)
        for number in range(BARE):
            _bare(world, number)
        queries = [query.start(job.stage(context), context) for job in (task_trigger, task_tracking)]
        sent: dict[str, float] = {}
        for number in range(WARM_UP + EVENTS):
            sent[f"e{number}"] = time.time()
            world.send("claimx_events", [event(f"e{number}", task=number)])
            time.sleep(chance.uniform(1.0, 2.5))
        readable = _readable(world, expected=len(sent))
        for running in queries:
            running.stop()
        bare = [_bare(world, number) for number in range(BARE)]
    measured = list(sent)[WARM_UP:]
    seconds = sorted(readable[event_id] - sent[event_id] for event_id in measured)
    least = [2 * TRIGGER_SECONDS + each for each in bare]
    p95, typical = statistics.quantiles(seconds, n=20)[18], statistics.median(least)
    return Result(
        name="R14",
        what="event → row readable, p95, triggers of 1 s ÷ two triggers, a bare Kafka write, a bare append",
        goal=Goal(bound=Bound.AT_MOST, limit=1.3),
        figure=p95 / typical,
        low=seconds[0] / typical,
        high=seconds[-1] / typical,
        unit="s",
        ours=seconds,
        other=least,
        notes={"events": EVENTS, "median": round(statistics.median(seconds), 2), "range": "fastest to slowest event"},
    )


def _readable(world: World, *, expected: int) -> dict[str, float]:
    """When the commit of each event's row was there, not one that compacts it later; waits for the last one."""
    folder = Path(world.settings.storage.warehouse) / TABLE
    found: dict[str, float] = {}
    deadline = time.monotonic() + GIVEN_UP_AFTER
    while len(found) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(found)} of {expected} rows came")
        for commit in sorted((folder / "_delta_log").glob("*.json")):
            for line in commit.read_text().splitlines():
                added = json.loads(line).get("add")
                if added is not None and added["dataChange"]:
                    ids = pq.read_table(folder / unquote(added["path"]), columns=["event_id"])["event_id"]
                    found |= dict.fromkeys(ids.to_pylist(), commit.stat().st_mtime)
        time.sleep(0.5)
    return found


def _bare(world: World, number: int) -> float:
    row = world.frame([event(f"bare{number}")]).select(F.col("value").cast("string").alias("value"))
    sent = row.select(F.lit(world.topic("tracking_success")).alias("topic"), F.lit("k").alias("key"), "value")
    return seconds_of(
        lambda: (
            kafka.write(sent, world.settings.kafka),
            row.write.format("delta").mode("append").save(f"{world.folder}/bare"),
        )
    )
