"""How long single events take through running queries, from before they are sent to the commit that has their row."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow.parquet as pq

from tests.fakes.world import World, event

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

GIVEN_UP_AFTER = 90.0


def seconds_to_row(
    world: World, queries: Sequence[StreamingQuery], table: str, *, prefix: str, warm_up: int, events: int
) -> list[float]:
    """Of each event after the first `warm_up`, sent one by one at odd moments; the queries are stopped in the end.

    `table` has an `event_id`; a commit that only compacts does not count.
    """
    chance, sent = random.Random(14), {}
    for number in range(warm_up + events):
        sent[f"{prefix}{number}"] = time.time()
        world.send("claimx_events", [event(f"{prefix}{number}", task=number)])
        time.sleep(chance.uniform(1.0, 2.5))
    readable = _readable(Path(world.settings.storage.warehouse) / table, sent)
    for running in queries:
        running.stop()
    return sorted(readable[event_id] - at for event_id, at in list(sent.items())[warm_up:])


def _readable(folder: Path, sent: dict[str, float]) -> dict[str, float]:
    """When the commit of each event's row was there; waits for the last one."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + GIVEN_UP_AFTER
    while sent.keys() - found:
        if time.monotonic() > deadline:
            raise RuntimeError(f"of {len(sent)} events {len(sent.keys() - found)} have no row")
        for commit in sorted((folder / "_delta_log").glob("*.json")):
            for file in _added(commit):
                ids = pq.read_table(folder / file, columns=["event_id"])["event_id"]
                found |= dict.fromkeys(ids.to_pylist(), commit.stat().st_mtime)
        time.sleep(0.5)
    return found


def _added(commit: Path) -> list[str]:
    actions = [json.loads(line).get("add") for line in commit.read_text().splitlines()]
    return [unquote(added["path"]) for added in actions if added is not None and added["dataChange"]]
