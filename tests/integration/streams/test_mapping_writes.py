"""The writes of mapping_sync: interrupted, repeated, and where Delta's MERGE would make two rows of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from claimx_lib.domain.mapping_fold import folded
from claimx_lib.schemas.tables import MAPPING
from claimx_lib.streams.context import BatchRef, JobContext
from claimx_lib.streams.mapping_state import before_of
from claimx_lib.streams.mapping_sync import statements
from claimx_lib.streams.mapping_writes import append_history, merge_mapping, merge_projects
from tests.fakes.mapping_run import Run, numbered, said
from tests.fakes.records import frame_of


@pytest.fixture
def run(context_with: Callable[..., JobContext]) -> Run:
    return Run(context_with())


def test_a_batch_that_was_killed_after_any_effect_is_completed(run: Run) -> None:
    """Run again after the history alone, or after projects and mapping too and on a new checkpoint, nothing is doubled."""
    run.batch(*(numbered(n, f"A-{n}", 1, event_id=f"a-{n}") for n in (1, 3)))
    for done in (1, 3):
        frame = run.frame(numbered(done, f"C-{done}", 5, event_id=f"c-{done}"), said(f"D-{done}", None, 7, "xact"))
        batch = BatchRef(query_id="q1", batch_id=done)
        found = statements(frame, run.context)
        result = folded(found.events, found.project_events, before_of(run.context, found.events, found.project_events))
        effects = [
            partial(append_history, run.context, result.entries, batch),
            partial(merge_projects, run.context, result.projects),
            partial(merge_mapping, run.context, result.claims),
        ]
        for effect in effects[:done]:
            effect()
        run.take(frame, BatchRef(query_id="q1" if done < 3 else "q2", batch_id=done))
    assert run.mapping() == {"C-1": 1, "C-3": 3}
    assert run.outcomes() == [
        *((f"A-{n}", f"a-{n}", "accepted") for n in (1, 3)),
        *((f"{claim}-{n}", f"c-{n}", told) for n in (1, 3) for claim, told in (("A", "withdrawn"), ("C", "accepted"))),
        *((f"D-{n}", "xact-7", "waiting") for n in (1, 3)),
    ]


@pytest.mark.long
def test_a_batch_that_comes_again_with_more_records_loses_none(run: Run) -> None:
    """On a checkpoint that was put back, history and dead letters of records under a number of before are there too."""
    batch, bad = BatchRef(query_id="q1", batch_id=0), said("---", 9, 9)
    records = [run.record(one) for one in (said("A-1", 1, 1), bad, said("B-1", 2, 2), bad)]
    for number in (2, 4):
        run.context.counted.clear()
        run.take(frame_of(run.context.session, records[:number]), batch)
    assert run.outcomes() == [("A-1", "claimx-1", "accepted"), ("B-1", "claimx-2", "accepted")]
    assert [offset for _, offset, _ in run.dead_letters()] == [1, 3]


@pytest.mark.long
def test_two_rows_of_one_new_claim_in_a_batch_make_one(run: Run) -> None:
    """Delta's MERGE inserts both of two source rows with one new key; mapping_sync hands it one row a claim."""
    doubled = run.table(MAPPING.name).sparkSession.createDataFrame(
        [("Z-1", 1), ("Z-1", 2)], "claim_number STRING, project_id LONG"
    )
    table = run.context.warehouse.open(run.context.session, MAPPING.name)
    columns = {"claim_number": "s.claim_number", "project_id": "s.project_id"}
    merge = table.alias("t").merge(doubled.alias("s"), "t.claim_number = s.claim_number")
    merge.whenNotMatchedInsert(values=columns).execute()
    assert run.table(MAPPING.name).where("claim_number = 'Z-1'").count() == 2
    run.batch(said("Y-1", 1, 1), said("Y-1", 2, 2), said("Y-1", 2, 2))
    assert run.table(MAPPING.name).where("claim_number = 'Y-1'").count() == 1
