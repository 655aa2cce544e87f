"""R8 and R13 of `make bench`, small: what is written and read, counted in bytes, so that no load can move it."""

from __future__ import annotations

import random

import psutil

from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.world import World
from tests.performance.mapping_tables import filled
from tests.performance.r08_merge_bytes import Merges
from tests.performance.r13_bytes_written import written_and_ideal


def test_a_batch_writes_hardly_more_than_one_ideal_file(world: World, simulator: Simulator) -> None:
    """R13: data files and log of 10,000 rows are at most 1.3 times one Parquet file of the same rows."""
    simulator.control.switch(any_task=True)
    ((written, ideal),) = written_and_ideal(world, 1)
    assert written <= 1.3 * ideal


def test_a_merge_of_neighbouring_claims_reads_the_file_that_holds_them(world: World) -> None:
    """R8: of eight files a MERGE of 500 neighbours reads, by Spark's count, those with a key, twice, and the log.

    `make bench` holds it to 1.5 times on files of production's size, of which Parquet's index skips most pages.
    """
    merges = Merges(
        tables=filled(world.context(), 40_000, rows_a_file=5_000), jvm=psutil.Process(), chance=random.Random(8)
    )
    read = merges.merged()
    assert 0 < read.spark <= 3 * read.held
