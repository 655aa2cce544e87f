"""What a session of ours sets itself, wherever it runs."""

from __future__ import annotations

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import _session_options


def test_numbers_of_tasks_are_the_sessions_own() -> None:
    """Partitions and the parallelism of listings go to each session, so that a cluster's session has them too."""
    numbers = ("shuffle_partitions=7", "snapshot_partitions=8", "listing_parallelism=9")
    options = _session_options(load(sets=[f"spark.{number}" for number in numbers]))

    assert options["spark.sql.shuffle.partitions"] == "7"
    assert options["spark.databricks.delta.snapshotPartitions"] == "8"
    assert options["spark.sql.sources.parallelPartitionDiscovery.parallelism"] == "9"
