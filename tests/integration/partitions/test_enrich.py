"""The enrichment kernel inside Spark: schema, pickling, and a worker's memory across batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import OpenClaimX
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.domain.enrichment import ENRICHMENT_DDL, EnrichPolicy
from claimx_lib.domain.secret import Secret
from claimx_lib.partitions.enrich import enrich_batches

TOKEN = "sentinel-token"
INPUT_DDL = "event_id STRING, lookup_task_id STRING, lookup_project_id STRING"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A ClaimX that knows every task."""
    with Simulator(token=TOKEN) as simulator:
        simulator.control.switch(any_task=True)
        yield simulator


def enriched(rows: DataFrame, simulator: Simulator, shared_cache: str | None = None) -> DataFrame:
    """The frame, through the kernel, as a stream does it."""
    opener = OpenClaimX(settings=ApiSettings(base_url=simulator.base_url, token=Secret(TOKEN)))
    policy = EnrichPolicy(max_concurrency=4, requests_per_second=10_000, shared_cache=shared_cache)

    def kernel(batches):
        return enrich_batches(batches, open_client=opener, policy=policy)

    return rows.mapInArrow(kernel, f"{INPUT_DDL}, {ENRICHMENT_DDL}")


def test_the_kernel_runs_in_spark_and_its_plan_shows_no_token(spark: SparkSession, simulator: Simulator):
    """Every row comes back with the stated columns; nothing that Spark shows of the plan holds the token."""
    frame = spark.createDataFrame([("a", "1", None), ("b", "2", "9"), ("c", None, None), ("d", "1", None)], INPUT_DDL)
    result = enriched(frame.coalesce(1), simulator)
    told = {
        row["event_id"]: (
            row["enrichment_status"],
            row["enrichment_error"],
            row["api_calls"],
            row["enriched_at"] is None,
        )
        for row in result.collect()
    }
    assert told == {
        "a": ("enriched", None, 1, False),
        "b": ("enriched", None, 2, False),
        "c": ("skipped", None, 0, True),
        "d": ("enriched", None, 0, False),
    }
    assert TOKEN not in result._jdf.queryExecution().toString()


@pytest.mark.parametrize(
    ("partitions", "batches"),
    [pytest.param(1, 20, marks=pytest.mark.long), pytest.param(2, 20, marks=pytest.mark.long), (2, 6)],
)
def test_no_id_is_asked_for_again_from_batch_to_batch(
    spark: SparkSession, simulator: Simulator, partitions: int, batches: int
) -> None:
    """R6 across batches: batches over the same ids ask for each once, whichever worker has them."""
    frame = spark.range(50).select(
        F.lit("e").alias("event_id"),
        F.concat(F.lit(f"7{partitions}{batches}"), F.col("id")).alias("lookup_task_id"),
        F.lit(None).cast("string").alias("lookup_project_id"),
    )
    before = simulator.control.state()["served"]
    name = f"r6-{partitions}-{batches}"
    spread = frame.repartition(partitions, "lookup_task_id")
    told = [enriched(spread, simulator, name).agg(F.sum("api_calls")).collect()[0][0] for _ in range(batches)]
    assert sum(told) == simulator.control.state()["served"] - before == 50
