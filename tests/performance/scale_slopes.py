"""`python -m tests.performance.scale_slopes`: what a batch costs the processor, by its rows; the ground of docs/scaling.md.

Seconds of the processor, not of the clock: other work on the machine moves them little. After batches that warm the JVM
each size has its turn, four times over, on tables that grow; the line through the medians gives what a batch costs and
what a row costs. ClaimX is not called (no look-ups, tasks are decided and not created): what a call costs is R1's
matter. Writes docs/benchmarks/scale.json and the tables of docs/scaling.md.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from claimx_lib.config.load import load
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.connectors.spark import open_session
from claimx_lib.devstack.broker import Broker
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.tables import create_missing
from claimx_lib.schemas.topics import topic_specs
from claimx_lib.streams import mapping_sync, task_creation, task_tracking, task_trigger
from claimx_lib.streams.context import BatchRef, JobContext
from tests.fakes.records import Topic, frame_of
from tests.performance import scale_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RESULT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "scale.json"
SIZES = (100, 1000, 5_000)
REPEATS = 4
WARM_UP = 6


def _event(number: int, *, ours: bool) -> dict[str, Any]:
    task = {"task_id": 32513 if ours else 40000, "assignment_id": number, "task_name": "Cabinet", "status": "assigned"}
    project = {"project_id": str(number), "claim_number": f"C{number}", "project_name": "House"}
    return {
        "event_id": f"evt-{number}",
        "event_type": "CUSTOM_TASK_ASSIGNED",
        "project_id": str(number),
        "timestamp": "2026-01-10T12:00:00Z",
        "task": task,
        "project": project,
    }


def _tracking(number: int) -> dict[str, Any]:
    event = _event(number, ours=True)
    return {**event, "trigger_name": "t", "task_id": 32513, "assignment_id": number, "task_status": "assigned"}


def _identity(number: int) -> dict[str, Any]:
    return {
        "event_id": f"map-{number}",
        "domain": "claimx",
        "claim_number": f"C{number}",
        "project_id": number,
        "timestamp": "2026-01-10T11:00:00Z",
    }


def _estimate(number: int) -> dict[str, Any]:
    """Of a claim that mapping_sync, measured before, has mapped."""
    return {
        "event_id": f"est-{number}",
        "event_type": "ESTIMATE_CREATED",
        "claim_number": f"C{number}",
        "timestamp": "2026-01-10T12:00:00Z",
        "estimate": {"id": number, "total": 1234.5},
    }


MAKERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "task_trigger": lambda number: _event(number, ours=number % 50 == 0),
    "task_tracking": _tracking,
    "mapping_sync": _identity,
    "task_creation": _estimate,
}
MODULES = {
    "task_trigger": task_trigger,
    "task_tracking": task_tracking,
    "mapping_sync": mapping_sync,
    "task_creation": task_creation,
}


def _processor_seconds() -> float:
    """Of this process, its JVM and its workers, ended ones included."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def _files(root: Path) -> tuple[int, int]:
    found = [path for path in root.rglob("*") if path.is_file() and path.suffix in {".parquet", ".json"}]
    return len(found), sum(path.stat().st_size for path in found)


def measured(job: str, context: JobContext) -> dict[str, Any]:
    """Processor seconds, files and bytes of one batch by its number of rows."""
    names = context.settings.kafka.topics
    read = {"task_trigger": names.claimx_events, "task_tracking": names.tracking, "task_creation": names.xact_events}
    topic = Topic(read.get(job, names.project_sync))
    root = Path(context.settings.storage.warehouse)
    made = 0
    sizes: dict[int, list[dict[str, Any]]] = {size: [] for size in SIZES}
    turns = [SIZES[1]] * WARM_UP + list(SIZES) * REPEATS
    for batch, size in enumerate(turns):
        frame = _persisted(context, topic, [MAKERS[job](made + number) for number in range(size)])
        files, weight = _files(root)
        before = _processor_seconds()
        MODULES[job].process_batch(frame, BatchRef(query_id="scale", batch_id=batch), context)
        spent = _processor_seconds() - before
        more, heavier = _files(root)
        if batch >= WARM_UP:
            sizes[size].append({"seconds": round(spent, 3), "files": more - files, "bytes": heavier - weight})
        frame.unpersist()
        made += size
    largest = sizes[SIZES[-1]]
    return {
        "samples": sizes,
        **_line({size: [s["seconds"] for s in samples] for size, samples in sizes.items()}),
        "files_a_batch": round(statistics.median(s["files"] for s in largest)),
        "bytes_a_row": round(statistics.median(s["bytes"] for s in largest) / SIZES[-1]),
    }


def _persisted(context: JobContext, topic: Topic, events: list[dict[str, Any]]) -> DataFrame:
    frame = frame_of(context.session, [topic.record(event) for event in events]).persist()
    frame.count()
    return frame


def _line(samples: dict[int, list[float]]) -> dict[str, float]:
    medians = {size: statistics.median(seconds) for size, seconds in samples.items()}
    fit = statistics.linear_regression(list(medians), list(medians.values()))
    return {"seconds_a_batch": round(fit.intercept, 3), "seconds_a_1000_rows": round(fit.slope * 1000, 3)}


def main() -> int:
    """Measures all four, prints them and writes them down."""
    folder = Path(tempfile.mkdtemp(prefix="claimx-scale-"))
    with Broker(data_dir=folder / "broker") as broker:
        settings = load(
            sets=[
                f"storage.warehouse={folder}/warehouse",
                f"kafka.bootstrap_servers={broker.bootstrap_servers}",
                "jobs.task_tracking.lookup_enabled=false",
                "jobs.task_trigger.log_events_per_batch=0",
                "jobs.task_creation.mode=shadow",
                "jobs.task_creation.resolve_with=[mapping]",
                "logging.level=warning",
            ],
            environ={**os.environ, "CLAIMX_API_TOKEN": "none"},
        )
        create_topics(settings.kafka, [replace(spec, partitions=1) for spec in topic_specs(settings)])
        session = open_session(settings, app_name="scale")
        session.sparkContext.setLogLevel("ERROR")
        create_missing(session, settings)
        context = JobContext(session=session, settings=settings, metrics=Metrics())
        found = {job: measured(job, context) for job in MAKERS}
        session.stop()
    cores = os.cpu_count()
    RESULT.write_text(
        json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), "cpus": cores, **found}, indent=1) + "\n"
    )
    scale_table.main()
    for job, told in found.items():
        print(f"{job}: {told['seconds_a_batch']} s a batch + {told['seconds_a_1000_rows']} s a 1,000 rows")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
