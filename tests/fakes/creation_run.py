"""A run of task_creation over tables of its own: ClaimX as the simulator has it, time that is told to pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, MAPPING, PENDING, PLAN
from claimx_lib.streams.context import BatchRef, JobContext
from claimx_lib.streams.creation_wiring import flow_of
from claimx_lib.streams.task_creation import process_batch
from tests.fakes.claimx import FakeClaimX
from tests.fakes.clock import FakeClock
from tests.fakes.creation import RETRY, XACT
from tests.fakes.records import Topic, frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row


@dataclass
class Run:
    """A query on tables of this test; what Kafka was given is kept in `sent`."""

    context: JobContext
    clock: FakeClock = field(default_factory=FakeClock)
    sent: list[Row] = field(default_factory=list)
    topics: dict[str, Topic] = field(default_factory=lambda: {name: Topic(name) for name in (XACT, RETRY)})
    next_batch: int = 0

    def __post_init__(self) -> None:
        self.context = replace(self.context, now=self.clock.now)
        self.api = FakeClaimX(clock=self.clock)
        self.restart()

    def restart(self, send: Callable[[DataFrame], None] | None = None) -> None:
        self.flow = flow_of(self.context, open_api=lambda: self.api, clock=self.clock, send=send or self.keep)

    def keep(self, frame: DataFrame) -> None:
        self.sent += frame.collect()

    def frame(self, *values: Any, topic: str = XACT, headers: dict[str, bytes] | None = None) -> DataFrame:
        told = None if headers is None else list(headers.items())
        records = [(*self.topics[topic].record(value)[:6], told) for value in values]
        return frame_of(self.context.session, records)

    def take(self, frame: DataFrame | None = None, *, query: str = "q1") -> None:
        given = self.frame() if frame is None else frame
        process_batch(given, BatchRef(query_id=query, batch_id=self.next_batch), self.context, flow=self.flow)
        self.next_batch += 1

    def table(self, spec: Any) -> DataFrame:
        return self.context.warehouse.read(self.context.session, spec.name)

    def states(self) -> list[str]:
        return [row.state for row in self.table(LEDGER).orderBy("at", F.col("state") != "INTENT").collect()]

    def map(self, claim: str, project: int, rivals: list[int] | None = None) -> None:
        key = claim.upper().replace("-", "").lstrip("0")
        now = datetime(2026, 1, 10, tzinfo=UTC)
        row = (claim, project, "claimx", now, now, key, now, f"m-{claim}", rivals)
        self.context.warehouse.append(self.context.session.createDataFrame([row], MAPPING.schema), MAPPING.name)

    def versions(self) -> dict[str, int]:
        sql = DeltaSql(root=self.context.settings.storage.warehouse)
        return {spec.name: sql.version(spec.name) for spec in (PENDING, LEDGER, PLAN, DEAD_LETTERS)}
