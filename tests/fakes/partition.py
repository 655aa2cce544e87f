"""A partition to enrich, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from claimx_lib.domain.api import ClaimXApi
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.retry import RetryPolicy
from claimx_lib.partitions.enrich import MOST_TEXT, enrich_batches
from claimx_lib.partitions.worker import WorkerMemory
from tests.fakes.claimx import FakeClaimX

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string()),
        pa.field("lookup_task_id", pa.string()),
        pa.field("lookup_project_id", pa.string()),
        pa.field("note", pa.binary()),
    ]
)
POLICY = EnrichPolicy(
    retry=RetryPolicy(max_retries=3, backoff_base=2, backoff_max_seconds=60, jitter=0),
    timeout_seconds=30,
    budget_seconds=1_000,
    max_concurrency=1,
    requests_per_second=1_000_000,
    stop_after_failures=5,
)
Row = tuple[str | None, str | None]


def record_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """A record batch of (task id, project id), each row with an event id of its own."""
    return pa.record_batch(
        [
            pa.array([f"e{n}" for n in range(len(rows))], pa.string()),
            pa.array([task for task, _ in rows], pa.string()),
            pa.array([project for _, project in rows], pa.string()),
            pa.array([b"\xff\x00"] * len(rows), pa.binary()),
        ],
        schema=SCHEMA,
    )


class Worker:
    """A Python worker process as the kernel sees it: its memory lasts from one partition to the next."""

    def __init__(self, claimx: FakeClaimX | None = None, **policy: Any) -> None:
        self.claimx = claimx or FakeClaimX()
        self.memory = WorkerMemory()
        self.policy = replace(POLICY, **policy)
        self.opened = 0

    def open_client(self) -> ClaimXApi:
        """The client, counted."""
        self.opened += 1
        return self.claimx

    def run(self, *batches: Sequence[Row], **policy: Any) -> list[dict[str, Any]]:
        """The rows of one partition, enriched, as dictionaries."""
        return [row for batch in self.stream(*batches, **policy) for row in batch.to_pylist()]

    def stream(self, *batches: Sequence[Row], most_text: int = MOST_TEXT, **policy: Any) -> Iterator[pa.RecordBatch]:
        """The record batches of one partition."""
        return enrich_batches(
            (record_batch(rows) for rows in batches),
            open_client=self.open_client,
            policy=replace(self.policy, **policy),
            clock=self.claimx.clock,
            chance=lambda: 0.0,
            memory=self.memory,
            most_text=most_text,
        )

    def calls(self) -> list[str]:
        """The paths asked for so far, by the API's own log."""
        return [line["path"].removeprefix("/api/v1/") for line in self.claimx.control.requests()]
