"""R13: what batches leave in Delta over one ideal file of the same rows. Counted in bytes: no load can move it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from pyspark.sql import functions as F

from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.fakes.world import World, tracking_message
from tests.performance.frame import Bound, Goal, Result
from tests.performance.tracking_world import tracking_world

ROWS, TASKS = 10_000, 1_000
BATCHES = 5
STATUSES = ("assigned", "in_progress", "completed")
TABLE = "itel_cabinet_task_tracking"


def measure() -> Result:
    """After each batch: data files and log together, over one Parquet file of all rows until then, same codec."""
    with tracking_world() as world:
        ours, other = zip(*written_and_ideal(world, BATCHES), strict=True)
        files = len(list((Path(world.settings.storage.warehouse) / TABLE).glob("**/*.parquet")))
        rows = world.table(TABLE).count()
    ratios = [written / ideal for written, ideal in zip(ours, other, strict=True)]
    return Result(
        name="R13",
        what="bytes written to Delta by 10,000-row batches, log included ÷ one Parquet file of the same rows",
        goal=Goal(bound=Bound.AT_MOST, limit=1.3),
        figure=max(ratios),
        low=min(ratios),
        high=max(ratios),
        unit="bytes",
        ours=list(ours),
        other=list(other),
        notes={"rows": rows, "files": files, "batches": BATCHES},
    )


def written_and_ideal(world: World, batches: int) -> Iterator[tuple[float, float]]:
    """For each batch of `ROWS` rows: the bytes that all until then have left, and those of one file of the same rows."""
    context, memory = world.context(), Memory()
    table = Path(world.settings.storage.warehouse) / TABLE
    log_before = _bytes(table, "*")
    for number in range(batches):
        process_batch(world.frame(_messages(number)), world.batch(number), context, memory)
        yield _bytes(table, "*") - log_before, _ideal(world)


def _messages(number: int) -> list[object]:
    """Events of a day's form: ids of their own, each task some ten times, minutes that pass."""
    return [
        tracking_message(
            str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}-{n}")),
            status=STATUSES[n % 3],
            task=1_000 + n % TASKS,
            project_id=str(12_000 + n % TASKS),
            timestamp=f"2026-01-{10 + number}T{n // 600:02}:{n // 10 % 60:02}:{n % 10:02}.{n % 997:03}Z",
        )
        for n in range(ROWS)
    ]


def _ideal(world: World) -> float:
    path = f"{world.folder}/ideal"
    in_order = world.table(TABLE).orderBy(F.col("event_timestamp"))
    in_order.coalesce(1).write.mode("overwrite").parquet(path)
    return _bytes(Path(path), "*.parquet")


def _bytes(folder: Path, pattern: str) -> float:
    found = (file for file in folder.rglob(pattern) if file.is_file() and not file.name.startswith("."))
    return float(sum(file.stat().st_size for file in found))
