"""Batches of few records are interpreted, larger ones compiled.

Where a plan has more than 100 fields, and in Delta's own reading of its log, each task writes the Java source of its
projections anew, strips it of comments and looks the class up by it: a quarter of the processor's time in batches of 50
records (measured, `docs/performance.md`). To interpret some hundred rows costs nothing beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.connectors.checkpoint import folder_of, records_in

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.streams.context import JobContext

MODE = "spark.sql.codegen.factoryMode"
SPARKS_DEFAULT, INTERPRETED = "FALLBACK", "NO_CODEGEN"
FEW = 2_000
"""At 10,000 records both take as long; beyond, the compiled batch is the quicker one."""


def plan_for(records: int | None, session: SparkSession, context: JobContext) -> None:
    """Set how `session` runs the projections of a batch of so many records; None, not known, counts as many.

    `spark.sql.codegen.factoryMode` under `spark.conf` decides for all batches, unless it is Spark's default.
    """
    if context.session.conf.get(MODE) == SPARKS_DEFAULT:
        session.conf.set(MODE, INTERPRETED if records is not None and records <= FEW else SPARKS_DEFAULT)


def records_of(batch_id: int, context: JobContext, *, job: str) -> int | None:
    """Return how many records the job's batch reads by its checkpoint; None where that is not on this machine."""
    folder = folder_of(context.settings.storage.checkpoints, job)
    return None if folder is None else records_in(folder, batch_id)
