"""mapping_sync on static frames: every effect, repeated, interrupted and cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from claimx_lib.schemas.tables import DEAD_LETTERS, MAPPING, MAPPING_HISTORY, PROJECTS
from claimx_lib.streams.context import JobContext
from tests.fakes.mapping_run import SYNC, Run, at, minute, numbered, said
from tests.fakes.records import frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def replay(run: Run, value: dict[str, Any], letter: str) -> DataFrame:
    """The value as a record that says which dead letter it is the replay of."""
    header = F.struct(F.lit("x-dead-letter-id").alias("key"), F.lit(letter.encode()).alias("value"))
    return run.frame(value).withColumn("headers", F.array(header))


@pytest.fixture
def run(context_with: Callable[..., JobContext]) -> Run:
    return Run(context_with())


def test_the_mapping_row_has_every_column_of_the_contract(run: Run) -> None:
    """A project event and an identity event make whole rows, with the event that set each and its canonical key."""
    run.batch(numbered(12345, "ABC-1", 1, "PROJECT_CREATED"), said("00x-7", "77", 2, "xact"))
    now = run.context.now()
    expected = run.context.session.createDataFrame(
        [
            ("ABC-1", 12345, "claimx", now, now, "ABC1", at(1), "p-1", None),
            ("00x-7", 77, "xact", now, now, "X7", at(2), "xact-2", None),
        ],
        run.table(MAPPING.name).schema,
    )
    assert_df_equality(run.table(MAPPING.name), expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.long
def test_the_history_row_tells_who_what_why_and_from_where(run: Run) -> None:
    """Each identity event stands in the history with its coordinates, person, reason, and the project before it."""
    run.batch(said("A-1", 1, 1))
    run.batch(said("A-1", 2, 2, "manual", by="ann", why="she called"))
    columns = ["event_id", "claim_number", "claim_key", "from", "to", "source", "action", "by", "why"]
    rest = ["event_timestamp", "outcome", "source_topic", "source_partition", "source_offset"]
    actual = run.table(MAPPING_HISTORY.name).select(*columns, *rest)
    expected = run.context.session.createDataFrame(
        [
            ("claimx-1", "A-1", "A1", None, 1, "claimx", "set", None, None, at(1), "accepted", SYNC, 0, 0),
            ("manual-2", "A-1", "A1", 1, 2, "manual", "set", "ann", "she called", at(2), "accepted", SYNC, 0, 1),
        ],
        actual.schema,
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_projects_keep_the_newest_event_and_the_newest_number(run: Run) -> None:
    """Name and address come from the newest event, the number from the newest that tells one, in any order."""
    run.batch(
        numbered(1, "A-1", 5, project={"project_name": "Elm", "address": "1 Elm St"}),
        {"event_id": "p-9", "event_type": "PROJECT_UPDATED", "project_id": 1, "timestamp": minute(9),
         "project": {"project_name": "Elm Street"}},
    )  # fmt: skip
    run.batch(numbered(1, "A-0", 3))
    row = run.table(PROJECTS.name).collect()[0]
    assert row.asDict() == {
        "project_id": 1, "claim_number": "A-1", "claim_key": "A1", "project_name": "Elm Street", "address": None,
        "event_timestamp": at(9).replace(tzinfo=None), "event_id": "p-9",
        "claim_event_timestamp": at(5).replace(tzinfo=None), "claim_event_id": "p-5",
    }  # fmt: skip


def test_a_project_event_without_a_number_updates_the_project_alone(run: Run) -> None:
    """Without a claim number, or with a blank one, there is a project row and no history."""
    run.batch(numbered(1, "", 1), {k: v for k, v in numbered(2, None, 2).items() if k != "metadata"})
    assert sorted(row.project_id for row in run.table(PROJECTS.name).collect()) == [1, 2]
    assert (run.mapping(), run.outcomes(), run.dead_letters()) == ({}, [], [])


def test_nothing_new_writes_nothing(run: Run) -> None:
    """A batch of repetitions, and one without records, leave every table at its version."""
    values = [numbered(1, "A-1", 1), said("B-2", 2, 2), said("B-2", None, 3, "xact")]
    run.batch(*values, {"domain": "x"})
    before = run.versions()
    run.batch(*values)
    run.take(frame_of(run.context.session, []))
    assert run.versions() == before


@pytest.mark.long
def test_a_confirmation_moves_the_event_and_not_the_change(run: Run) -> None:
    """A newer event for the same project moves event_id and event_timestamp; created_at and updated_at stay."""
    run.batch(said("A-1", 1, 1))
    later = run.at(datetime(2026, 1, 11, tzinfo=UTC))
    later.batch(said("A-1", 1, 5))
    row = run.table(MAPPING.name).collect()[0]
    assert (row.event_id, row.created_at, row.updated_at) == ("claimx-5", *[run.context.now().replace(tzinfo=None)] * 2)
    later.batch(said("A-1", 2, 6))
    row = run.table(MAPPING.name).collect()[0]
    assert (row.created_at.day, row.updated_at.day, row.rivals) == (10, 11, [1])


STORY = [
    numbered(1, "A-1", 10, "PROJECT_CREATED"),
    said("B-2", 2, 11, "xact"),
    said("B-2", 9, 12, "manual", by="ann", why="asked"),
    said("B-2", 3, 20),
    numbered(1, "C-3", 21),
    said("A-1", 4, 5),
    said("D-4", 5, 22, "manual"),
    said("D-4", None, 23, "manual", action="unset"),
    said("D-4", 6, 2),
    said("E-5", None, 24, "xact"),
    numbered(7, "A-1", 30),
    said("F-6", 1, 8),
    b"{",
]
OUTCOME = {"A-1": 7, "B-2": 9, "C-3": 1, "D-4": 6}


@pytest.mark.long
def test_any_order_and_cut_of_the_records_makes_the_same_tables(
    run: Run, context_with: Callable[..., JobContext]
) -> None:
    """The story in one batch, then the same records again backwards, change nothing; two cuts backwards end the same."""
    records = [run.record(value) for value in STORY]
    run.take(frame_of(run.context.session, records))
    assert run.mapping() == OUTCOME
    rows, before = run.state(), run.versions()
    run.take(frame_of(run.context.session, records[::-1]))
    assert (run.versions(), run.state()) == (before, rows)
    backwards = Run(context_with(warehouse="elsewhere"))
    backwards.take(frame_of(run.context.session, records[:6:-1]))
    backwards.take(frame_of(run.context.session, records[6::-1]))
    assert (backwards.state(), backwards.dead_letters()) == (rows, run.dead_letters())


@pytest.mark.long
def test_a_letter_whose_replay_is_mapped_is_resolved(run: Run) -> None:
    """A mended event that comes back with its letter's id closes that letter, whether the mark of the sender came first
    or not; one that is refused again ends in a letter of its own, and nobody closes a letter of another job.
    """
    run.batch(said("A-1", "none", 1), said("---", 2, 2))
    letters = {row.source_offset: row.dead_letter_id for row in run.table(DEAD_LETTERS.name).collect()}
    mended = [(said("A-1", 1, 1), letters[0]), (said("---", 2, 2), letters[1])]
    for value, letter in mended:
        run.take(replay(run, value, letter))
    told = {row.dead_letter_id: (row.state, row.why) for row in run.table(DEAD_LETTERS.name).collect()}
    assert told.pop(letters[0]) == ("RESOLVED", None)
    assert told.pop(letters[1]) == ("RESOLVED", "it went back, and ended in a newer letter")
    ((newer, state),) = told.items()
    assert state == ("OPEN", None)
    table = run.context.warehouse.open(run.context.session, DEAD_LETTERS.name)
    table.update(F.col("dead_letter_id") == newer, {"pipeline": F.lit("task_creation")})
    run.take(replay(run, said("B-1", 3, 3), newer))
    others = run.table(DEAD_LETTERS.name).where("pipeline = 'task_creation'").collect()
    assert [row.state for row in others] == ["OPEN"]


def test_a_withdrawn_claim_leaves_a_trace_and_no_row(run: Run) -> None:
    """The project's new number deletes the old row, and the old claim's history names the event that did it."""
    run.batch(numbered(1, "A-1", 1), said("X-9", 1, 2, "manual"))
    run.batch(numbered(1, "B-2", 5))
    run.batch(said("A-1", 8, 0))
    assert run.mapping() == {"B-2": 1, "X-9": 1}
    assert [o for o in run.outcomes() if o[0] == "A-1"] == [
        ("A-1", "claimx-0", "refused"),
        ("A-1", "p-1", "accepted"),
        ("A-1", "p-5", "withdrawn"),
    ]


@pytest.mark.long
def test_changes_are_counted_by_source_and_outcome(run: Run) -> None:
    """`claimx_mapping_changes_total` counts each history row once, and records by what became of them."""
    run.batch(said("A-1", 1, 1), said("A-1", 2, 2), said("A-1", 2, 2), {"domain": "x"})
    counted = run.context.metrics.value
    assert counted("claimx_mapping_changes_total", source="claimx", outcome="accepted") == 1
    assert counted("claimx_mapping_changes_total", source="claimx", outcome="conflict") == 1
    assert counted("claimx_stream_records_total", job="mapping_sync", outcome="history") == 3
    assert counted("claimx_stream_records_total", job="mapping_sync", outcome="dead_letter") == 1


@pytest.mark.long
def test_a_large_batch_is_joined_and_not_listed(run: Run) -> None:
    """More claims than fit a condition are looked up by join, with the same result, also when delivered again."""
    values = [said(f"N-{number}", number, 1, event_id=f"n-{number}") for number in range(1, 1200)]
    frame = run.frame(*values)
    run.take(frame)
    before = run.versions()
    run.take(frame)
    assert (run.table(MAPPING.name).count(), run.versions()) == (1199, before)
