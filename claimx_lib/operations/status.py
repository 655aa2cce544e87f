"""How things stand: each query's progress and lag, what waits, what is refused, what was created; without a JVM."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from claimx_lib.connectors.checkpoint import Batch, committed_batches, folder_seen
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.connectors.kafka_offsets import offset_ranges
from claimx_lib.domain.flow import STREAMS
from claimx_lib.domain.offsets import Offsets, Range, TopicPartition, lag
from claimx_lib.errors import ClaimxError, in_a_line
from claimx_lib.operations.gauges import LEDGER_STATES, MICROS
from claimx_lib.operations.preflight import topics_of

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

BATCHES = 20
"""Batches that a rate is taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatus:
    """One job: its newest committed batch, the records still to read, and records a second over the last batches."""

    job: str
    batch: int | None
    last_progress_at: datetime | None
    seconds_ago: float | None
    lag_records: int | None
    records_per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that `claimx status` shows; `problems` tells what could not be looked at."""

    queries: tuple[QueryStatus, ...]
    tables: dict[str, Any]
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def status(settings: Settings, *, now: datetime) -> Status:
    """Return how things stand at this moment; what can't be reached is told in `problems`, not raised."""
    problems: list[str] = []
    there = _ranges(settings, problems)
    return Status(
        queries=tuple(_query(settings, job, there, now, problems) for job in STREAMS),
        tables=_tables(settings, problems),
        problems=tuple(problems),
    )


def _ranges(settings: Settings, problems: list[str]) -> dict[TopicPartition, Range] | None:
    topics = {topic for job in STREAMS for topic in topics_of(settings, job)[0]}
    try:
        return offset_ranges(settings.kafka, topics)
    except ClaimxError as error:
        problems.append(str(error))
        return None


def _query(
    settings: Settings, job: str, there: dict[TopicPartition, Range] | None, now: datetime, problems: list[str]
) -> QueryStatus:
    folder = folder_seen(settings.storage.checkpoints, job)
    if folder is None:
        told = f"{settings.storage.checkpoints}: checkpoints can't be read from here: no progress, no lag"
        problems.extend([] if told in problems else [told])
    batches = committed_batches(folder, newest=BATCHES) if folder is not None else []
    newest = batches[0] if batches else None
    return QueryStatus(
        job=job,
        batch=newest.number if newest else None,
        last_progress_at=newest.committed_at if newest else None,
        seconds_ago=(now - newest.committed_at).total_seconds() if newest else None,
        lag_records=None if folder is None else _lag(settings, job, newest.offsets if newest else {}, there),
        records_per_second=_rate(batches),
    )


def _lag(settings: Settings, job: str, offsets: Offsets, there: dict[TopicPartition, Range] | None) -> int | None:
    if there is None:
        return None
    topics = topics_of(settings, job)[0]
    return lag(offsets, {place: held for place, held in there.items() if place.topic in topics})


def _rate(batches: list[Batch]) -> float | None:
    """Records a second between the oldest and the newest of the batches."""
    if len(batches) <= 1:
        return None
    newest, oldest = batches[0], batches[-1]
    seconds = (newest.committed_at - oldest.committed_at).total_seconds()
    read = sum(offset - oldest.offsets.get(place, 0) for place, offset in newest.offsets.items())
    return round(read / seconds, 1) if seconds > 0 else None


OLDEST = "oldest_pending_at"
QUESTIONS = {
    "tracking": (
        "itel_cabinet_task_tracking",
        "SELECT enrichment_status AS what, count(*) AS n FROM t GROUP BY 1 ORDER BY 1",
    ),
    "pending": (
        "xact_task_pending",
        "SELECT coalesce(last_reason, '-') AS what, count(*) AS n FROM t GROUP BY 1 ORDER BY 1",
    ),
    "dead_letters": (
        "dead_letters",
        "SELECT state || ' ' || pipeline || ' ' || reason AS what, count(*) AS n FROM t GROUP BY 1 ORDER BY 1",
    ),
    "ledger": (
        "xact_task_ledger",
        f"SELECT state AS what, n FROM ({LEDGER_STATES.format(t='t', micros=MICROS)}) AS states ORDER BY 1",
    ),
    "mapping": (
        "claim_project_mapping",
        "SELECT coalesce(source, '-') AS what, count(*) AS n FROM t GROUP BY 1 ORDER BY 1",
    ),
    OLDEST: ("xact_task_pending", "SELECT min(first_seen_at) AS at FROM t"),
}


def _tables(settings: Settings, problems: list[str]) -> dict[str, Any]:
    """What each table says; one that can't be read leaves the others, and all that can't be are one problem."""
    sql = DeltaSql(root=settings.storage.warehouse)
    found: dict[str, Any] = {}
    failed: list[str] = []
    for name, (table, question) in QUESTIONS.items():
        try:
            rows = sql.ask(question, table).rows
        except Exception as error:  # noqa: BLE001  (a damaged table or a store that refuses is told, as a missing one)
            failed.append(in_a_line(error))
        else:
            found[name] = rows[0]["at"] if name == OLDEST else {row["what"]: row["n"] for row in rows}
    if failed:
        problems.append(failed[0] + (f" (and {len(failed) - 1} more like it)" if failed[1:] else ""))
    return found
