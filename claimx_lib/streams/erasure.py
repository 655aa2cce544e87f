"""What is erased stays erased: no stream takes in a record of it, whoever sends it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.config.secrets import read_secret
from claimx_lib.errors import TableError
from claimx_lib.observability.logs import logger
from claimx_lib.schemas.tables import ERASED_IDS
from claimx_lib.transforms.erasure import ERASED, only_erased, without_erased

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from claimx_lib.streams.context import JobContext


def spared(records: DataFrame, context: JobContext, *, job: str) -> DataFrame:
    """Return the records (`connectors.kafka.RECORD`) that name no erased id, and count the others as `erased`.

    Costs nothing where no `pii.erased_salt` is set, and the reading of a small table where nothing is erased.
    """
    erased = erased_ids(context)
    if erased is None:
        return records
    topics, creation = context.settings.kafka.topics, context.settings.jobs.task_creation
    by_claim = {topics.xact_events, topics.project_sync, topics.manual_decisions, creation.retry_topic}
    dropped = only_erased(records, erased, keyed_by_claim=by_claim).count()
    context.metrics.count("claimx_stream_records_total", dropped, job=job, outcome="erased")
    if dropped:
        logger(job=job).info("records of erased ids were left out", records=dropped)
    return without_erased(records, erased, keyed_by_claim=by_claim)


def erased_ids(context: JobContext) -> DataFrame | None:
    """Return what is erased, with its salt, as one row; None where nothing is, or no salt is set.

    A start is refused where ids are erased and no salt is set (`operations.preflight`). TableError where the table is
    gone: without it nobody knows who must stay out.
    """
    reference = context.settings.pii.erased_salt
    if reference is None:
        return None
    if not context.warehouse.exists(context.session, ERASED_IDS.name):
        raise TableError(
            f"{context.warehouse.location(ERASED_IDS.name)}: no such Delta table",
            cure="bring it back; where nobody was ever erased: claimx tables create",
        )
    rows = context.warehouse.read(context.session, ERASED_IDS.name).select("erased_id").distinct().collect()
    if not rows:
        return None
    salt = read_secret(reference, path="pii.erased_salt").reveal()
    return context.session.createDataFrame([(salt, [row.erased_id for row in rows])], ERASED)
