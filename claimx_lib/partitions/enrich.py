"""Task and project details for the rows of a partition: the body of a `mapInArrow`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock
from claimx_lib.domain.enrichment import PROJECT_KEY, TASK_KEY, EnrichmentStatus, EnrichPolicy
from claimx_lib.partitions.cache import Key
from claimx_lib.partitions.lookups import PROJECT, TASK, ApiCall, Lookup, PartitionLookups
from claimx_lib.partitions.worker import PROCESS_MEMORY, OpenClient, WorkerMemory

_INSTANT = pa.timestamp("us", tz="UTC")
_ADDED = (
    pa.field("enrichment_status", pa.string()),
    pa.field("enrichment_error", pa.string()),
    pa.field("enriched_at", _INSTANT),
    pa.field("claimx_task_json", pa.string()),
    pa.field("claimx_project_json", pa.string()),
    pa.field("api_calls", pa.int32()),
    pa.field("api_errors", pa.int32()),
    pa.field("api_seconds", pa.list_(pa.float64())),
)
_STATUS = {ApiOutcome.OK: EnrichmentStatus.ENRICHED, ApiOutcome.NOT_FOUND: EnrichmentStatus.NOT_FOUND}
MOST_TEXT = 256_000_000
"""Characters of JSON in one record batch; Arrow's strings end at 2^31 bytes."""

Found = Mapping[Key, Lookup]


def enriched_schema(schema: pa.Schema) -> pa.Schema:
    """The input's columns in their order, then those of `ENRICHMENT_DDL`."""
    return pa.schema([*schema, *_ADDED])


def enrich_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    open_client: OpenClient,
    policy: EnrichPolicy,
    clock: Clock = SYSTEM_CLOCK,
    chance: Callable[[], float] = random.random,
    memory: WorkerMemory = PROCESS_MEMORY,
    most_text: int = MOST_TEXT,
) -> Iterator[pa.RecordBatch]:
    """Every input row exactly once, in order, with what ClaimX said of its task and its project.

    Each distinct id is asked for at most once a partition, and not at all while an answer is younger than the cache's
    time to live. A failure is a status, never an exception. `api_calls`, `api_errors` and `api_seconds` stand at the
    first row of an id, so that their sums over the partition are what was really called.
    """
    session = memory.session(open_client, policy, clock)
    with PartitionLookups(session, policy, clock, chance) as lookups:
        for batch in batches:
            found = lookups.answers(_keys(batch))
            uncounted = {key: lookup.calls for key, lookup in found.items() if lookup.calls}
            for portion in _portions(batch, found, most_text):
                yield _enriched(portion, found, uncounted)


def _keys(batch: pa.RecordBatch) -> list[Key]:
    tasks, projects = _distinct(batch, TASK_KEY), _distinct(batch, PROJECT_KEY)
    return [*((TASK, id_) for id_ in _ids(tasks)), *((PROJECT, id_) for id_ in _ids(projects))]


def _distinct(batch: pa.RecordBatch, column: str) -> pa.DictionaryArray:
    return batch.column(column).dictionary_encode()


def _ids(encoded: pa.DictionaryArray) -> list[str]:
    ids: list[str] = encoded.dictionary.to_pylist()
    return ids


def _portions(batch: pa.RecordBatch, found: Found, most_text: int) -> Iterator[pa.RecordBatch]:
    longest = max((len(lookup.entry.answer.body or "") for lookup in found.values()), default=0)
    rows = max(1, most_text // max(longest, 1))
    if batch.num_rows <= rows:
        yield batch
        return
    for offset in range(0, batch.num_rows, rows):
        yield batch.slice(offset, rows)


def _enriched(batch: pa.RecordBatch, found: Found, uncounted: dict[Key, tuple[ApiCall, ...]]) -> pa.RecordBatch:
    tasks, projects = _distinct(batch, TASK_KEY), _distinct(batch, PROJECT_KEY)
    of_tasks = [found[TASK, id_] for id_ in _ids(tasks)]
    of_projects = [found[PROJECT, id_] for id_ in _ids(projects)]
    status = _spread([_status(lookup) for lookup in of_tasks], tasks, pa.string())
    columns = [
        pc.fill_null(status, str(EnrichmentStatus.SKIPPED)),
        pc.coalesce(
            _spread([_error(lookup) for lookup in of_tasks], tasks, pa.string()),
            _spread([_error(lookup, "project: ") for lookup in of_projects], projects, pa.string()),
        ),
        _spread([_at(lookup) for lookup in of_tasks], tasks, pa.int64()).cast(_INSTANT),
        _spread([lookup.entry.answer.body for lookup in of_tasks], tasks, pa.string()),
        _spread([lookup.entry.answer.body for lookup in of_projects], projects, pa.string()),
        *_counted(batch.num_rows, _calls_by_row(batch, uncounted)),
    ]
    return pa.RecordBatch.from_arrays([*batch.columns, *columns], schema=enriched_schema(batch.schema))


def _spread(values: Sequence[object], encoded: pa.DictionaryArray, kind: pa.DataType) -> pa.Array:
    """One value for each distinct id, brought to the rows; null where a row names none."""
    return pa.array(values, type=kind).take(encoded.indices)


def _status(lookup: Lookup) -> str:
    return str(_STATUS.get(lookup.entry.answer.kind, EnrichmentStatus.FAILED))


def _error(lookup: Lookup, prefix: str = "") -> str | None:
    answer = lookup.entry.answer
    return None if answer.kind in _STATUS else f"{prefix}{answer.error or answer.kind}"


def _at(lookup: Lookup) -> int | None:
    return lookup.entry.at_micros if lookup.entry.answer.kind in _STATUS else None


def _calls_by_row(batch: pa.RecordBatch, uncounted: dict[Key, tuple[ApiCall, ...]]) -> Mapping[int, Sequence[ApiCall]]:
    """The calls that each row brought about; what is counted here is taken out of `uncounted`."""
    by_row: dict[int, list[ApiCall]] = {}
    for kind, column in ((TASK, TASK_KEY), (PROJECT, PROJECT_KEY)):
        if not any(of_kind == kind for of_kind, _ in uncounted):
            continue
        for row, id_ in enumerate(batch.column(column).to_pylist()):
            if id_ is not None and (calls := uncounted.pop((kind, id_), None)):
                by_row.setdefault(row, []).extend(calls)
    return by_row


def _counted(rows: int, by_row: Mapping[int, Sequence[ApiCall]]) -> list[pa.Array]:
    calls, errors = [0] * rows, [0] * rows
    seconds: list[list[float]] = [[] for _ in range(rows)]
    for row, made in by_row.items():
        calls[row] = len(made)
        errors[row] = sum(not call.is_answered for call in made)
        seconds[row] = [call.seconds for call in made]
    return [pa.array(calls, pa.int32()), pa.array(errors, pa.int32()), pa.array(seconds, pa.list_(pa.float64()))]
