"""Rows through the enrichment kernel, and what a batch of enriched rows amounts to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from claimx_lib.config.claimx import ClaimX
from claimx_lib.config.jobs import TaskTracking
from claimx_lib.domain.enrichment import ENRICHMENT_DDL, TASK_KEY, EnrichmentStatus, EnrichPolicy
from claimx_lib.domain.rate import HEADROOM
from claimx_lib.domain.retry import RetryPolicy
from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.rescue import variant_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Kernel = Callable[[Iterator[Any]], Iterator[Any]]
"""Record batches in, record batches with the columns of `ENRICHMENT_DDL` added out."""

_KIND = r"^(?:project: )?([a-z-]+)"
_OF_NO_CALL = r"^(?:project: )?rejected - "
"""An id that no path takes: nobody was called, so that it says nothing of ClaimX."""

ROWS_FOR_A_PARTITION = 200
"""Fewer rows than this are not worth a second worker: the calls, not the rows, take the time."""


def enrich_policy(claimx: ClaimX, job: TaskTracking, *, share: float) -> EnrichPolicy:
    """The bounds of the whole job's calls; `share` is its part of what the application may call (0 to 1)."""
    own_pace = job.requests_per_second
    return EnrichPolicy(
        retry=RetryPolicy(
            max_retries=claimx.max_retries,
            backoff_base=claimx.retry_backoff_base,
            backoff_max_seconds=claimx.retry_backoff_max_seconds,
        ),
        timeout_seconds=claimx.timeout_seconds,
        budget_seconds=job.lookup_budget_seconds,
        max_concurrency=max(1, int(claimx.max_concurrency * share)),
        requests_per_second=own_pace if own_pace is not None else claimx.requests_per_second * share,
        lookup_batch_size=job.lookup_batch_size,
        stop_after_failures=claimx.circuit.failures,
        cache_ttl_seconds=job.cache_ttl_seconds,
    )


def partitions_for(rows: int, parallelism: int, per_second: float) -> int:
    """How many workers ask for the details of so many rows at `per_second` calls in all.

    Workers pace themselves apart, and each may put one call more into a second than its share: what the pace leaves
    unused has to cover that. A pace that one worker can keep is left to one.
    """
    wanted = -(-rows // ROWS_FOR_A_PARTITION)
    return max(1, int(min(parallelism, wanted, per_second * HEADROOM / (1.0 + HEADROOM))))


def enriched(frame: DataFrame, kernel: Kernel, *, partitions: int) -> DataFrame:
    """The rows with the columns of `ENRICHMENT_DDL`; rows of one task are in one partition.

    Any action on the result calls ClaimX: persist it before anything looks at it.
    """
    spread = frame.coalesce(1) if partitions == 1 else frame.repartition(partitions, TASK_KEY)
    columns = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in frame.schema)
    return spread.mapInArrow(kernel, f"{columns}, {ENRICHMENT_DDL}")  # type: ignore[arg-type]  # Spark types it by pyarrow


def not_enriched(frame: DataFrame) -> DataFrame:
    """The rows with the columns of `ENRICHMENT_DDL` of a look-up that is switched off."""
    names = [part.split(" ") for part in ENRICHMENT_DDL.split(", ")]
    empty = {name: F.lit(None).cast(kind) for name, kind in names}
    empty["enrichment_status"] = F.lit(str(EnrichmentStatus.SKIPPED))
    empty |= {name: F.lit(0) for name in ("api_calls", "api_errors")}
    return frame.withColumns(empty)


def figures(frame: DataFrame, texts: Mapping[str, str]) -> DataFrame:
    """One row on enriched rows: arrays of statuses, errors' kinds and seconds, sums of calls, and for each struct of
    `texts` (struct column: column of its JSON text) the shape of its objects and how many texts are odd.
    """
    variants, sums = _figures(dict(texts))
    return frame.select("*", *variants).agg(*sums)


@built_once
def _figures(texts: dict[str, str]) -> tuple[list[Column], list[Column]]:
    kind = F.regexp_extract("enrichment_error", _KIND, 1)
    variants = [variant_of(F.col(text)).alias(f"variant_{struct}") for struct, text in texts.items()]
    shapes = [F.schema_of_variant_agg(f"variant_{struct}").alias(f"shape_{struct}") for struct in texts]
    odd = [(F.count(t) - F.count(f"variant_{s}")).alias(f"odd_{s}") for s, t in texts.items()]
    sums = [
        F.count(F.lit(1)).alias("rows"),
        F.collect_list("enrichment_status").alias("enrichments"),
        F.collect_list("task_status").alias("statuses"),
        F.collect_list(F.when(~F.col("enrichment_error").rlike(_OF_NO_CALL), kind)).alias("errors"),
        F.flatten(F.collect_list("api_seconds")).alias("seconds"),
        F.coalesce(F.sum("api_calls"), F.lit(0)).alias("calls"),
        F.coalesce(F.sum("api_errors"), F.lit(0)).alias("api_errors"),
    ]
    return variants, [*sums, *shapes, *odd]
