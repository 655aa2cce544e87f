"""What every job is handed: session, settings and the outside, as arguments."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.domain.offsets import Offsets
from claimx_lib.errors import StopRequested
from claimx_lib.streams.garbage import Collector

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from claimx_lib.config.settings import Settings
    from claimx_lib.observability.metrics import Metrics


CALLING_JOBS = frozenset({"task_tracking", "task_creation"})
"""The jobs that call ClaimX."""


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class StopFlag:
    """A stop that was asked for, once, by a signal or by a test."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask for the stop; safe in a signal handler."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Tell whether the stop has been asked for."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the stop is asked for, `seconds` at most; tell whether it was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise StopRequested once the stop has been asked for."""
        if self.is_set:
            raise StopRequested("stop requested")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRef:
    """Which micro-batch this is: the writer's identity is (query_id, batch_id).

    The query id stands in the checkpoint, so a new checkpoint is a new writer.
    """

    query_id: str
    batch_id: int

    def app_id(self, job: str, table: str, step: str = "rows") -> str:
        """Return the `txnAppId` of one append: its own for each table and step of the batch."""
        return f"{job}:{self.query_id}:{table}:{step}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """Session, settings and the outside world of one job."""

    session: SparkSession
    settings: Settings
    metrics: Metrics
    now: Callable[[], datetime] = utc_now
    stop: StopFlag = field(default_factory=StopFlag)
    available_now: bool = False
    jobs_in_application: tuple[str, ...] = ()
    failures: dict[str, Exception] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    """App ids of which an append of this process has counted (`streams.appends`)."""
    collector: Collector = field(default_factory=Collector)
    until: datetime | None = None
    """Of a backfill: younger records (by Kafka's timestamp) are left alone."""
    ends: Offsets = field(default_factory=dict)
    """Of a backfill: where the job's own committed batches end; what lies behind is the job's. Empty: it never ran."""

    def callers_beside(self, job: str) -> int:
        """Return how many jobs share ClaimX's limits with `job`, itself among them.

        Those that run beside it in this application; in an available-now run they follow each other.
        """
        return 1 if self.available_now else len({job} | (CALLING_JOBS & set(self.jobs_in_application)))

    @property
    def warehouse(self) -> Warehouse:
        """The tables' root."""
        return Warehouse(root=self.settings.storage.warehouse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A job ready to start: its source, and what is done with each micro-batch."""

    job: str
    source: DataFrame
    process_batch: Callable[[DataFrame, BatchRef], None]
