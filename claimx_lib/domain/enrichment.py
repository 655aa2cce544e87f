"""What enrichment adds to a row, and how gently it asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum, unique

from claimx_lib.domain.retry import RetryPolicy

TASK_KEY = "lookup_task_id"
"""Input column, STRING: the task to ask for; null asks for nothing."""
PROJECT_KEY = "lookup_project_id"
"""Input column, STRING: the project to ask for; null asks for nothing."""

ENRICHMENT_DDL = (
    "enrichment_status STRING, enrichment_error STRING, enriched_at TIMESTAMP, claimx_task_json STRING, "
    "claimx_project_json STRING, api_calls INT, api_errors INT, api_seconds ARRAY<DOUBLE>"
)
"""The columns that follow the input's own, in this order."""

_TIME_FOR_A_CALL = 1.5


@unique
class EnrichmentStatus(StrEnum):
    """How the look-up of a row's task ended."""

    ENRICHED = "enriched"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichPolicy:
    """The bounds of one partition's calls; picklable, and equal for equal settings.

    `max_concurrency` and `requests_per_second` are this partition's share (see `shared`). `lookup_batch_size` bounds
    what is handed to the pool at a time, `budget_seconds` the patience with a ClaimX that does not answer (from the
    start, and anew from each answer), `most_seconds` all calls of the partition (None: as the budget),
    `stop_after_failures` the failed look-ups in a row after which nobody is called any more. With `call_nobody` (the
    driver's circuit is open) the cache alone answers; with `is_probing` the first call decides whether there is a
    second. `shared_cache` names the cache that the workers of an executor share (None: each has its own alone).
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_seconds: float = 30.0
    budget_seconds: float = 60.0
    most_seconds: float | None = None
    max_concurrency: int = 32
    requests_per_second: float = 100.0
    lookup_batch_size: int = 100
    stop_after_failures: int = 20
    cache_ttl_seconds: float = 60.0
    cache_max_entries: int = 50_000
    cache_max_bytes: int = 64_000_000
    shared_cache: str | None = None
    call_nobody: bool = False
    is_probing: bool = False

    @property
    def threads(self) -> int:
        """Threads that can be in a call at a time; at a slow pace more of them would only grow old in the queue."""
        in_flight = max(1.0, self.requests_per_second * self.timeout_seconds)
        return int(min(self.max_concurrency, self.lookup_batch_size, in_flight))

    def shared(self, partitions: int) -> EnrichPolicy:
        """One partition's share of the job's calls in flight and calls a second; at least one call in flight."""
        return replace(
            self,
            max_concurrency=max(1, self.max_concurrency // partitions),
            requests_per_second=self.requests_per_second / partitions,
        )

    def enough_for(self, calls: int) -> EnrichPolicy:
        """The policy with the time that so many calls take at its pace, and half as much again for slow ones and
        second tries; never less than the budget.
        """
        return replace(self, most_seconds=max(self.budget_seconds, _TIME_FOR_A_CALL * calls / self.requests_per_second))

    def probing(self) -> EnrichPolicy:
        """The policy of a half-open circuit: one call goes ahead, without a retry; all others follow if it is answered."""
        return replace(self, is_probing=True)
