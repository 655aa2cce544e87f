"""Batches of few records are interpreted, larger ones compiled.

Where a plan has more than 100 fields, and in Delta's own reading of its log, each task writes the Java source of its
projections anew, strips it of comments and looks the class up by it: a quarter of the processor's time in batches of 50
records (measured, `docs/performance.md`). Where a stage is compiled as a whole, each batch's own literals (offsets, ids,
times) make new classes, which nobody asks for again. To interpret some hundred rows costs nothing beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from claimx_lib.connectors.checkpoint import folder_of, records_in

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.streams.context import JobContext

COMPILED = {"spark.sql.codegen.factoryMode": "FALLBACK", "spark.sql.codegen.wholeStage": "true"}
"""Spark's defaults: they compile projections and whole stages."""
INTERPRETED = {"spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.codegen.wholeStage": "false"}
FEW = 2_000
"""At 10,000 records both take as long; beyond, the compiled batch is the quicker one."""


def left_to_us(session: SparkSession) -> tuple[str, ...]:
    """Return which of the two settings follow the batch: what `spark.conf` or the submitter has set otherwise than
    Spark's default decides for all batches. Some hundred questions to the JVM: asked once, not for each batch.
    """
    given = session.sparkContext.getConf()
    return tuple(name for name, default in COMPILED.items() if given.get(name, default) == default)


def plan_for(records: int | None, names: Iterable[str], *sessions: SparkSession) -> None:
    """Set how these sessions run a batch of so many records; None, not known, counts as many."""
    wanted = INTERPRETED if records is not None and records <= FEW else COMPILED
    for name in names:
        for session in sessions:
            session.conf.set(name, wanted[name])


def records_of(batch_id: int, context: JobContext, *, job: str) -> int | None:
    """Return how many records the job's batch reads by its checkpoint; None where that is not on this machine."""
    folder = folder_of(context.settings.storage.checkpoints, job)
    return None if folder is None else records_in(folder, batch_id)
