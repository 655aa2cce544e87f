"""mapping_sync: what both domains and people say about claims becomes the mapping of claims to projects.

The only writer of `claim_project_mapping`, its history and `claimx_projects`. Every effect can run twice, and a batch
that was killed is completed when it runs again: dead letters and history are appended once for each batch, history
without the events that it has; projects and mapping are merged from the fold of all that the history knows of the
batch's claims, so a row that is missing because of a crash is made by the next run. The tables converge to one state
for any order, repetition or cut of the records.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from claimx_lib.connectors import kafka
from claimx_lib.domain.identity import Coordinates, EventOutcome, IdentityEvent, ProjectEvent
from claimx_lib.domain.mapping_fold import Folded, folded
from claimx_lib.observability.logs import logger
from claimx_lib.streams.context import BatchRef, JobContext, Stage
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.mapping_state import before_of
from claimx_lib.streams.mapping_writes import JOB, append_history, merge_mapping, merge_projects
from claimx_lib.streams.refusals import append_dead_letters, end_refused_again, resolve_replayed
from claimx_lib.transforms import identity
from claimx_lib.transforms.dead_letters import dead_letter_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CONFLICTS_LOGGED = 20
KEPT = {identity.IDENTITY: "history", identity.PROJECT_ALONE: "project", identity.NOT_OURS: "not_ours"}
"""What became of records that are no dead letters; a repeated event counts where its first delivery stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What a batch's records say of claims and of projects, which are refused, how many came to which outcome, and the
    dead letters that some of them are replays of, taken or refused.
    """

    events: tuple[IdentityEvent, ...]
    project_events: tuple[ProjectEvent, ...]
    refusals: pa.Table
    outcomes: Counter[str]
    letters: frozenset[str] = frozenset()
    refused_letters: frozenset[str] = frozenset()


def stage(context: JobContext) -> Stage:
    """Return the job over `project.sync`, the manual decisions and `claimx.events`, as one source."""
    job, sources = context.settings.jobs.mapping_sync, sources_of(context)
    topics = dict.fromkeys([sources.claimx_events, sources.project_sync, sources.manual_decisions])
    source = kafka.read_stream(
        context.session,
        context.settings.kafka,
        list(topics),
        starting_offsets=job.starting_offsets,
        max_records=job.max_records_per_batch,
    )
    return Stage(job=JOB, source=source, process_batch=partial(process_batch, context=context))


def sources_of(context: JobContext) -> identity.Sources:
    """Return the topics that identity comes from."""
    names = context.settings.kafka.topics
    return identity.Sources(
        claimx_events=names.claimx_events, project_sync=names.project_sync, manual_decisions=names.manual_decisions
    )


def process_batch(frame: DataFrame, batch: BatchRef, context: JobContext) -> None:
    """Append a dead letter for what cannot be read, fold the rest into history, projects and mapping.

    With nothing new nothing is written.
    """
    found = statements(frame, context)
    if found.refusals.num_rows:
        reasons = context.session.createDataFrame(found.refusals)
        letters = dead_letter_rows(identity.refused(frame, reasons), pipeline=JOB, opened_at=context.now())
        append_dead_letters(context, letters, batch, job=JOB)
        crash_point("mapping_sync.dead_letters")
        end_refused_again(context, found.refused_letters, [JOB])
    if found.events or found.project_events:
        _sync(found, batch, context)
        resolve_replayed(context, found.letters, [JOB])
    for outcome, number in found.outcomes.items():
        name = KEPT.get(outcome, "dead_letter")
        context.metrics.count("claimx_stream_records_total", number, job=JOB, outcome=name)


def statements(frame: DataFrame, context: JobContext) -> Statements:
    """Bring what the records say to the driver in one pass, without their bytes: some 200 bytes a record."""
    sources, job = sources_of(context), context.settings.jobs.mapping_sync
    told = identity.judged(frame, sources, max_future_seconds=job.max_future_seconds).toArrow()
    outcome = told.column("outcome")
    ours = told.filter(pc.is_in(outcome, pa.array([identity.IDENTITY, identity.PROJECT_ALONE]))).to_pylist()
    refused = told.filter(pc.invert(pc.is_in(outcome, pa.array(list(KEPT)))))
    return Statements(
        events=tuple(_identity_event(row) for row in ours if row["outcome"] == identity.IDENTITY),
        project_events=tuple(_project_event(row) for row in ours if row["is_project_event"]),
        refusals=_refusals(refused, sources),
        outcomes=Counter(outcome.to_pylist()),
        letters=frozenset(row["letter"] for row in ours if row["letter"] is not None),
        refused_letters=frozenset(refused.column("letter").drop_null().to_pylist()),
    )


def _refusals(refused: pa.Table, sources: identity.Sources) -> pa.Table:
    reasons = refused.column("outcome").to_pylist()
    errors = pa.array([identity.error_of(reason, sources) for reason in reasons], pa.string())
    kept = refused.select(["topic", "partition", "offset", "event_id", "claim_number"])
    return kept.append_column("reason", pa.array(reasons, pa.string())).append_column("error", errors)


def _sync(found: Statements, batch: BatchRef, context: JobContext) -> None:
    """History from the state before, then projects, then the mapping: whoever reads a row finds its history."""
    result = folded(found.events, found.project_events, before_of(context, found.events, found.project_events))
    append_history(context, result.entries, batch)
    if result.entries:
        crash_point("mapping_sync.history")
    merge_projects(context, result.projects)
    if result.projects:
        crash_point("mapping_sync.projects")
    merge_mapping(context, result.claims)
    if result.claims:
        crash_point("mapping_sync.mapping")
    _told(result, len(found.events), batch, context)


def _identity_event(row: dict[str, Any]) -> IdentityEvent:
    return IdentityEvent(
        event_id=row["event_id"],
        claim_number=row["claim_number"],
        claim_key=row["claim_key"],
        source=row["source"],
        action=row["action"],
        project_id=row["project_id"],
        timestamp=row["event_timestamp"],
        by=row["by"],
        why=row["why"],
        coordinates=_coordinates(row),
    )


def _project_event(row: dict[str, Any]) -> ProjectEvent:
    return ProjectEvent(
        project_id=row["project_id"],
        event_id=row["event_id"],
        timestamp=row["event_timestamp"],
        claim_number=row["claim_number"],
        claim_key=row["claim_key"],
        project_name=row["project_name"],
        address=row["address"],
        coordinates=_coordinates(row),
    )


def _coordinates(row: dict[str, Any]) -> Coordinates:
    return Coordinates(topic=row["topic"], partition=row["partition"], offset=row["offset"])


def _told(result: Folded, events: int, batch: BatchRef, context: JobContext) -> None:
    """Metrics of each change, a line for each conflict up to a limit, and one for the batch."""
    changes = Counter((entry.event.source, str(entry.outcome)) for entry in result.entries)
    for (source, outcome), number in changes.items():
        context.metrics.count("claimx_mapping_changes_total", number, source=source, outcome=outcome)
    log = logger(job=JOB, batch_id=batch.batch_id)
    conflicts = [entry for entry in result.entries if entry.outcome is EventOutcome.CONFLICT]
    for entry in conflicts[:CONFLICTS_LOGGED]:
        claim, before, after = entry.event.claim_number, entry.before, entry.event.project_id
        log.warning("two projects claim one number", claim_number=claim, before=before, after=after)
    if result.entries or result.claims or result.projects:
        written = {"history": len(result.entries), "mapping": len(result.claims), "projects": len(result.projects)}
        log.info("mapping changed", events=events, conflicts=len(conflicts), **written)
