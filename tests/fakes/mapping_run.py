"""A run of mapping_sync over tables of its own, and the events that it is fed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.schemas.tables import DEAD_LETTERS, MAPPING, MAPPING_HISTORY, PROJECTS
from claimx_lib.streams.context import BatchRef, JobContext
from claimx_lib.streams.mapping_sync import process_batch
from tests.fakes.records import Topic, frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SYNC, EVENTS = "project.sync", "claimx.events"


def minute(number: int) -> str:
    return f"2026-01-10T11:{number:02d}:00Z"


def at(number: int) -> datetime:
    return datetime(2026, 1, 10, 11, number, tzinfo=UTC)


def said(claim: Any, project: Any, time: int, domain: str = "claimx", **more: Any) -> dict[str, Any]:
    """An identity event of `project.sync`."""
    given = {"event_id": f"{domain}-{time}", "domain": domain, "claim_number": claim, "timestamp": minute(time)}
    return {**given, **({} if project is None else {"project_id": project}), **more}


def numbered(
    project_id: Any, claim: Any, time: int, event_type: str = "PROJECT_UPDATED", **more: Any
) -> dict[str, Any]:
    """A project event of `claimx.events` with its claim number in `metadata`."""
    given = {"event_id": f"p-{time}", "event_type": event_type, "project_id": project_id, "timestamp": minute(time)}
    return {**given, "metadata": {"claim_number": claim}, **more}


class Run:
    """Two topics, and batches of what stands on them."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self.sync, self.events = Topic(SYNC), Topic(EVENTS)
        self._next = 0

    def frame(self, *values: dict[str, Any]) -> DataFrame:
        """Records of the values: those with a domain on `project.sync`, the others on `claimx.events`."""
        return frame_of(self.context.session, [self.record(value) for value in values])

    def record(self, value: Any) -> tuple[Any, ...]:
        is_sync = not isinstance(value, dict) or "domain" in value
        return (self.sync if is_sync else self.events).record(value)

    def take(self, frame: DataFrame, batch: BatchRef | None = None) -> None:
        process_batch(frame, batch or BatchRef(query_id="q1", batch_id=self._next), self.context)
        self._next += 1

    def batch(self, *values: dict[str, Any]) -> None:
        self.take(self.frame(*values))

    def at(self, now: datetime) -> Run:
        """The same tables and topics at another time."""
        later = Run(replace(self.context, now=lambda: now))
        later.sync, later.events, later._next = self.sync, self.events, self._next
        return later

    def table(self, name: str) -> DataFrame:
        return self.context.warehouse.read(self.context.session, name)

    def mapping(self) -> dict[str, int]:
        return {row.claim_number: row.project_id for row in self.table(MAPPING.name).collect()}

    def outcomes(self) -> list[tuple[str, str, str]]:
        rows = self.table(MAPPING_HISTORY.name).orderBy("event_timestamp", "event_id", "claim_number").collect()
        return [(row.claim_number, row.event_id, row.outcome) for row in rows]

    def dead_letters(self) -> list[tuple[str, int, str]]:
        rows = self.table(DEAD_LETTERS.name).orderBy("source_topic", "source_offset").collect()
        return [(row.source_topic, row.source_offset, row.reason) for row in rows]

    def versions(self) -> list[int]:
        names = (MAPPING.name, MAPPING_HISTORY.name, PROJECTS.name, DEAD_LETTERS.name)
        sql = DeltaSql(root=self.context.settings.storage.warehouse)
        return [sql.version(name) for name in names]

    def state(self) -> list[tuple[Any, ...]]:
        """Mapping and projects without the times of writing."""
        columns = ["claim_number", "project_id", "source", "claim_key", "event_timestamp", "event_id", "rivals"]
        mapping = self.table(MAPPING.name).select(*columns).orderBy("claim_number").collect()
        projects = self.table(PROJECTS.name).orderBy("project_id").collect()
        return [tuple(row) for row in (*mapping, *projects)]
