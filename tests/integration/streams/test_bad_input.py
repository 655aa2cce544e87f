"""The whole list of bad input, and what is bad of claims, projects and headers, in one batch a job.

task_trigger and task_tracking have theirs on a real broker: tests/e2e/streams.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pyspark.sql import Row

from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, MAPPING_HISTORY, PENDING, PLAN
from claimx_lib.streams.context import JobContext
from tests.fakes.bad_input import (
    NO_OBJECT,
    ODD_CLAIMS,
    ODD_HEADERS,
    ODD_PROJECTS,
    as_bytes,
    estimate,
    identity,
    project,
    spoilt,
    spoilt_as,
)
from tests.fakes.creation import RETRY, XACT
from tests.fakes.creation_run import Run as CreationRun
from tests.fakes.mapping_run import EVENTS, SYNC, Run
from tests.fakes.records import frame_of

Place = tuple[str, int]


def places(rows: Iterable[Row]) -> Counter[Place]:
    return Counter((row.source_topic, row.source_offset) for row in rows)


def test_mapping_sync_accounts_for_everything(context_with: Callable[..., JobContext]) -> None:
    """Each record of project.sync is a line of the history or a dead letter, each of claimx.events one of these, a
    project alone, or not ours; nothing that is no claim number or project is mapped.
    """
    run = Run(context_with())
    sync = [
        *spoilt(identity).values(),
        *(identity(f"c{n}", claim_number=c, by=c, why=c) for n, c in enumerate(ODD_CLAIMS)),
    ]
    sync += [identity(f"q{n}", claim_number=f"Q{n}", project_id=p) for n, p in enumerate(ODD_PROJECTS)]
    sync += [identity(f"a{n}", action=a, domain="manual") for n, a in enumerate(("SET", 5, {}, "drop"))]
    sync += [identity(f"d{n}", domain=d) for n, d in enumerate(("CLAIMX", 5, {}, "evil"))]
    events = [
        *spoilt_as("p", project),
        *(project(f"m{n}", project_id=1_000 + n, metadata={"claim_number": c}) for n, c in enumerate(ODD_CLAIMS)),
    ]
    events += [
        project(f"n{n}", project_id=2_000 + n, metadata=c, project={"claim_number": c, "address": c})
        for n, c in enumerate(ODD_CLAIMS)
    ]
    records = [run.sync.record(as_bytes(v)) for v in sync] + [run.events.record(as_bytes(v)) for v in events]
    run.take(frame_of(run.context.session, records))
    letters, history = (places(run.table(spec.name).collect()) for spec in (DEAD_LETTERS, MAPPING_HISTORY))
    assert set((letters + history).values()) == {1}
    assert {offset for topic, offset in letters + history if topic == SYNC} == set(range(len(sync)))
    counted = {o: run.context.metrics.value("claimx_stream_records_total", job="mapping_sync", outcome=o)
               for o in ("history", "dead_letter", "project", "not_ours")}  # fmt: skip
    assert (counted["dead_letter"], counted["history"]) == (letters.total(), history.total())
    assert sum(counted.values()) == len(records)
    assert {(SYNC, n) for n in range(NO_OBJECT)} <= set(letters)
    assert not {(EVENTS, n) for n in range(NO_OBJECT)} & set(letters), "task_trigger makes those"
    assert all(0 < len(claim) <= 50 and claim.strip() == claim for claim in run.mapping())


def test_task_creation_accounts_for_everything(context_with: Callable[..., JobContext]) -> None:
    """Each record of xact.events and of the retry topic, whatever its headers, is pending, in the ledger, a dead letter
    or not ours; the second time nothing changes.
    """
    run = CreationRun(context_with("jobs.task_creation.retry_backoff_factor=1"))
    run.api.control.put_projects([{"project_id": 7, "claim_number": "C-9"}])
    records: list[tuple[Any, ...]] = []
    for topic, mark in ((XACT, "x"), (RETRY, "r")):
        odd = [*({"claim_number": c} for c in ODD_CLAIMS),
               *({"estimate": e} for e in (None, 5, [], {"id": {}}, {"id": "\ud800"}))]  # fmt: skip
        values = [*spoilt_as(mark, estimate), *(estimate(f"{mark}{n}", **fields) for n, fields in enumerate(odd))]
        records += [run.topics[topic].record(as_bytes(value)) for value in values]
        for n, headers in enumerate(ODD_HEADERS):
            told = run.topics[topic].record(as_bytes(estimate(f"{mark}h{n}", claim_number=f"H{n}")), key=b"\xff")
            records.append((*told[:6], headers))
    run.take(frame_of(run.context.session, records))
    kept = [run.table(PENDING), run.table(DEAD_LETTERS), run.table(LEDGER).where("state <> 'INTENT'")]
    ends = [place for table in kept for place in places(table.collect()).elements()]
    assert len(set(ends)) == len(ends) == len(records) - run.flow.counts["not_ours"]
    letters = {(r.source_topic, r.source_offset): r.reason for r in run.table(DEAD_LETTERS).collect()}
    for topic in (XACT, RETRY):
        assert {letters[topic, n] for n in range(NO_OBJECT)} == {"undecodable"}
    before = run.versions()
    run.take(frame_of(run.context.session, records))
    assert {**run.versions(), PLAN.name: 0} == {**before, PLAN.name: 0}, "but for the plan of the batch"
