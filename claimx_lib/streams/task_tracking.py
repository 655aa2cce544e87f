"""task_tracking: validate, enrich, append one row an event, and say so.

A batch may be killed anywhere and run again. Before the append nothing but dead letters is there, and these are not
doubled. After it, the events are found in the table: nobody is called, no row is added, and the messages are made from
the rows that are there. Delta comes first, Kafka last, in one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from claimx_lib.connectors import kafka
from claimx_lib.connectors.delta import is_another_type, on_conflict_again
from claimx_lib.observability.logs import logger
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.streams.appends import append_new
from claimx_lib.streams.context import BatchRef, JobContext, Stage
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.refusals import append_dead_letters, end_refused_again, resolve_replayed
from claimx_lib.streams.tracking_intake import Intake, taken_in, without
from claimx_lib.streams.tracking_lookup import Calls, Enriched, looked_up
from claimx_lib.streams.tracking_results import Written, count, publish
from claimx_lib.streams.tracking_stored import StoredEvents
from claimx_lib.transforms import tracking
from claimx_lib.transforms.dead_letters import dead_letter_rows
from claimx_lib.transforms.tracking_rows import Fit, fits_of, struct_texts, table_rows

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

JOB = "task_tracking"
REPLAYED_TO_US = (JOB, "task_trigger")
"""Pipelines whose letters go back to the tracking topic."""
_NOT_FOR_ENRICHMENT = ("topic", "key", "value", "headers", "verdict", "kafka_at")


def stage(context: JobContext) -> Stage:
    """Return the job over the tracking topic; the circuit lives as long as the stage."""
    settings = context.settings
    job = settings.jobs.task_tracking
    source = kafka.read_stream(
        context.session,
        settings.kafka,
        [settings.kafka.topics.tracking],
        starting_offsets=job.starting_offsets,
        max_records=job.max_records_per_batch,
    )
    for reason in tracking.missing_reasons(job):  # from 0 on, so that a rate sees the first
        context.metrics.count("claimx_dead_letters_opened_total", 0, pipeline=JOB, reason=reason)
    return Stage(job=JOB, source=source, process_batch=partial(process_batch, context=context, memory=Memory()))


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the driver keeps from batch to batch: how ClaimX fares, and the tracking table's open log."""

    calls: Calls = field(default_factory=Calls)
    stored: StoredEvents = field(default_factory=StoredEvents)


def process_batch(frame: DataFrame, batch: BatchRef, context: JobContext, memory: Memory | None = None) -> None:
    """Give each record its row, its dead letter or its skip; success and errors messages follow the tables."""
    run = _Run(context=context, batch=batch, memory=memory or Memory(), now=context.now())
    judged = tracking.judged(frame, context.settings.jobs.task_tracking).persist()
    run.kept.append(judged)
    try:
        intake = taken_in(judged)
        letters = run.refuse(judged) if intake.refused else None
        written = run.track(judged, intake)
        resolve_replayed(context, intake.letters, REPLAYED_TO_US)
        end_refused_again(context, intake.refused_letters, REPLAYED_TO_US)
        publish(context, judged, written, letters, now=run.now)
        crash_point("tracking-published")
        count(context, batch, intake, written, job=JOB)
    finally:
        for rows in run.kept:
            rows.unpersist()


@dataclass(slots=True, kw_only=True)
class _Run:
    """One micro-batch on its way into the tables; `kept` are the frames to unpersist."""

    context: JobContext
    batch: BatchRef
    memory: Memory
    now: datetime
    kept: list[DataFrame] = field(default_factory=list)

    def refuse(self, judged: DataFrame) -> DataFrame:
        """Append the dead letters and return them."""
        letters = dead_letter_rows(tracking.refused(judged), pipeline=JOB, opened_at=self.now)
        append_dead_letters(self.context, letters, self.batch, job=JOB)
        crash_point("tracking-letters-appended")
        return letters

    def track(self, judged: DataFrame, intake: Intake) -> Written:
        """Append a row for each event that has none, enriched."""
        stored = self.memory.stored.of(intake, self.context)
        there = {row["event_id"] for row in stored.rows}
        number = len(intake.events) - len(there)
        if not number:
            return Written(new=None, stored=stored.rows)
        dropped = [*intake.repeated, *(intake.events[event_id] for event_id in there)]
        fresh = without(judged, dropped).drop(*_NOT_FOR_ENRICHMENT)
        new = looked_up(fresh, number, self.context, self.memory.calls, job=JOB)
        self.kept.append(new.rows)
        if self._append(new, number, stored.schema):
            return Written(new=new, stored=stored.rows)
        return Written(new=None, stored=self.memory.stored.of(intake, self.context).rows)

    def _append(self, new: Enriched, number: int, table: StructType) -> bool:
        """Once more where the table has got a field of ours in another type during the look-ups, by a repair of rows."""
        try:
            return self._append_fitted(new, number, table)
        except Exception as error:
            if not is_another_type(error):
                raise
            now = self.context.warehouse.read(self.context.session, TRACKING.name).schema
            return self._append_fitted(new, number, now)

    def _append_fitted(self, new: Enriched, number: int, table: StructType) -> bool:
        job = self.context.settings.jobs.task_tracking
        texts = struct_texts(project_lookup=job.project_lookup)
        most = job.max_new_fields if job.schema_evolution else 0
        fits = fits_of(new.figures, texts, table, max_new_fields=most)
        rows = table_rows(new.rows, fits, processed_at=self.now, defaults=job.defaults)
        added = [f"{name}.{path}" for name, fit in fits.items() for path in fit.evolution.added]
        append = partial(
            append_new,
            app_id=self.batch.app_id(JOB, TRACKING.name),
            keys=["event_id"],
            merge_schema=bool(added),
        )
        crash_point("tracking-before-append")
        try:
            is_ours = on_conflict_again(append)(self.context, rows, TRACKING.name, self.batch)
        except Exception:
            self.context.metrics.count("itel_worker_delta_write_errors_total", number)
            raise
        crash_point("tracking-after-append")
        self._tell_evolution(added, fits)
        return is_ours

    def _tell_evolution(self, added: list[str], fits: Mapping[str, Fit]) -> None:
        log = logger(job=JOB, batch_id=self.batch.batch_id)
        if added:
            self.context.metrics.count("itel_worker_schema_evolution_total", len(added))
            log.info("table gained fields", table=TRACKING.name, number=len(added), fields=added[:20])
        rescued = [name for name, fit in fits.items() if fit.has_odd or not fit.evolution.fits]
        if rescued:
            log.warning("some of the payload fits no column and went to rescued_data", columns=rescued)
