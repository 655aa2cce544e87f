"""task_creation on static frames: real tables, ClaimX as the simulator has it, time that is told to pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from claimx_lib.domain.creation.effects import LetterChange
from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, MAPPING, PENDING, PLAN
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.creation_writes import change_letters
from tests.fakes.creation import DLQ, RETRY, SYNC, XACT, xact_bytes
from tests.fakes.creation_run import Run

STEPS = ("plan", "ledger", "pending", "letters", "kafka")


class Stopped(BaseException):
    """The process is gone."""


@pytest.fixture
def run(context_with: Callable[..., JobContext]) -> Run:
    """A query with the document's fixed delay."""
    return Run(context_with("jobs.task_creation.retry_backoff_factor=1"))


@pytest.mark.parametrize(("policy", "tasks"), [("latest", ["7"]), ("review", [])])
def test_a_claim_of_two_projects_follows_the_policy(
    context_with: Callable[..., JobContext], policy: str, tasks: list[str]
) -> None:
    """With `latest` the mapping's own project gets the task; with `review` nobody guesses: a letter names both."""
    run = Run(context_with(f"jobs.mapping_sync.conflict_policy={policy}"))
    run.api.control.put_project(7)
    run.map("C1", 7, rivals=[8])
    run.take(run.frame(xact_bytes("e1", "C1")))
    assert [str(row.project_id) for row in run.table(LEDGER).where("state = 'CREATED'").collect()] == tasks
    letters = run.table(DEAD_LETTERS).collect()
    assert [row.reason for row in letters] == ([] if tasks else ["ambiguous-project"])
    assert all('"project_id":8' in row.candidates.replace(" ", "") for row in letters)


def test_it_creates_waits_and_refuses(run: Run) -> None:
    """One batch: a task by the mapping, one by the API in another format, a retry, a dead letter, and all their rows."""
    run.map("C1", 5)
    run.api.control.put_projects([{"project_id": 5}, {"project_id": 6, "claim_number": "c2"}])
    run.take(run.frame(xact_bytes("e1", "C1"), xact_bytes("e2", "C2"), xact_bytes("e3", "C3"), b"\xff"))
    assert sorted(t["project_id"] for t in run.api.control.tasks()) == [5, 6]
    assert run.states() == ["INTENT", "INTENT", "CREATED", "CREATED"]
    pending = run.table(PENDING).collect()
    assert [(r.event_id, r.claim_key, r.attempts, r.last_reason) for r in pending] == [
        ("e3", "C3", 1, "project-not-found")
    ]
    assert bytes(pending[0].raw_value) == xact_bytes("e3", "C3")
    assert (pending[0].next_attempt_at - pending[0].first_seen_at).total_seconds() == 30
    (letter,) = run.table(DEAD_LETTERS).collect()
    assert (letter.reason, letter.pipeline, bytes(letter.raw_value)) == ("undecodable", "task_creation", b"\xff")
    assert sorted(row.topic for row in run.sent) == [SYNC, RETRY]
    assert {r.resolved_by for r in run.table(LEDGER).collect()} == {"mapping:exact", "api:lowercase"}


def test_a_record_of_the_year_55000_ends_no_batch(run: Run) -> None:
    """Its time is its producer's own number (microseconds for milliseconds), and no Python date: the event has its task."""
    run.map("C1", 5)
    run.api.control.put_project(5)
    late = F.timestamp_micros(F.lit(1_700_000_000_000_000_000))
    run.take(run.frame(xact_bytes("e1", "C1"), b"\xff").withColumn("timestamp", late))
    assert run.states() == ["INTENT", "CREATED"]
    assert [row.reason for row in run.table(DEAD_LETTERS).collect()] == ["undecodable"]


def test_an_idle_heartbeat_commits_nothing(run: Run) -> None:
    """Without records, due rows and changes no table has a new version, and nobody is called."""
    run.take(run.frame(xact_bytes("e3", "C3")))
    before, calls = run.versions(), len(run.api.control.requests())
    run.take()
    run.restart()
    run.take()
    assert (run.versions(), len(run.api.control.requests())) == (before, calls)


def test_the_change_feed_wakes_exactly_its_own(run: Run) -> None:
    """A mapping, in any format the rules join, wakes its own claims in the next batch; after a restart too."""
    run.take(run.frame(xact_bytes("e1", "C-1"), xact_bytes("e2", "C2")))
    run.api.control.put_project(5)
    run.restart()
    run.map("c1", 5)
    run.take()
    assert [t["project_id"] for t in run.api.control.tasks()] == [5]
    assert [r.event_id for r in run.table(PENDING).collect()] == ["e2"]


@pytest.mark.long
def test_a_mapping_table_made_anew_looks_at_every_row(run: Run) -> None:
    """Where the change feed does not reach back, every pending claim is looked up once."""
    run.map("X1", 1)
    run.map("X2", 2)
    run.take(run.frame(xact_bytes("e1", "C1")))
    run.api.control.put_project(5)
    run.context.warehouse.open(run.context.session, MAPPING.name).delete()
    name = run.context.warehouse.sql_name(MAPPING.name)
    run.context.session.createDataFrame([], MAPPING.schema).write.format("delta").mode("overwrite").option(
        "overwriteSchema", "true"
    ).save(run.context.warehouse.location(MAPPING.name))
    run.context.session.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')")
    run.map("C1", 5)
    run.restart()
    run.take()
    assert len(run.api.control.tasks()) == 1


@pytest.mark.parametrize("where", ["pending", pytest.param("kafka", marks=pytest.mark.long)])
def test_a_batch_run_again_ends_the_same(run: Run, where: str) -> None:
    """A batch that ended before its last write runs again from its plan: rows as after one run, messages at least once."""
    run.map("C1", 5)
    run.api.control.put_project(5)
    frame = run.frame(xact_bytes("e1", "C1"), xact_bytes("e3", "C3"), b"?").persist()

    def gone(_: DataFrame) -> None:
        raise Stopped

    if where == "kafka":
        run.restart(gone)
        with pytest.raises(Stopped):
            run.take(frame)
        run.restart()
    else:
        run.take(frame)
        run.next_batch -= 1
    rows = {spec.name: run.table(spec).count() for spec in (LEDGER, PENDING, DEAD_LETTERS, PLAN)}
    run.take(frame)
    assert {spec.name: run.table(spec).count() for spec in (LEDGER, PENDING, DEAD_LETTERS, PLAN)} == rows
    assert rows == {LEDGER.name: 2, PENDING.name: 1, DEAD_LETTERS.name: 1, PLAN.name: 3}
    assert len(run.api.control.tasks()) == 1
    assert {row.topic for row in run.sent} == {RETRY}


@pytest.mark.long
def test_a_new_checkpoint_that_counts_from_0_again_loses_nothing(run: Run) -> None:
    """Batch 0 of another query id plans and appends like any other: its writer is another one."""
    run.take(run.frame(xact_bytes("e1", "C1")))
    run.restart()
    run.next_batch = 0
    run.take(run.frame(xact_bytes("e2", "C2")), query="q2")
    assert sorted(r.event_id for r in run.table(PENDING).collect()) == ["e1", "e2"]
    assert {r.query_id for r in run.table(PLAN).collect()} == {"q1", "q2"}


@pytest.mark.long
def test_it_leaves_no_transaction_options_behind(run: Run) -> None:
    """After a batch a plain append of somebody else's is taken: no txn option leaks through the session."""
    run.take(run.frame(xact_bytes("e1", "C1"), b"?"))
    for _ in range(2):
        run.map("Z1", 1)
    assert run.table(MAPPING).count() == 2


@pytest.mark.long
def test_after_the_retries_the_letter_has_all_that_a_person_needs(run: Run) -> None:
    """Given up: no pending row, a letter with bytes, coordinates and attempts, and both forms on the DLQ topic."""
    run.take(run.frame(xact_bytes("e1", "C1")))
    for _ in range(3):
        run.clock.advance(30)
        run.take()
    assert run.table(PENDING).count() == 0
    (letter,) = run.table(DEAD_LETTERS).collect()
    assert (letter.reason, letter.attempts, letter.source_topic, letter.source_offset) == (
        "project-not-found",
        4,
        XACT,
        0,
    )
    told = [row for row in run.sent if row.topic == DLQ]
    assert json.loads(told[0].value)["reason"] == "ClaimX project not found after 3 retries"
    run.api.control.put_project(5)
    run.map("C1", 5)
    run.take()
    (letter,) = run.table(DEAD_LETTERS).collect()
    assert (letter.state, letter.by) == ("RESOLVED", "auto_recover")
    assert letter.closed_at is not None


@pytest.mark.long
def test_a_replay_counts_once_on_tables(run: Run) -> None:
    """The replay of a letter is taken up once, whatever is read again."""
    run.context = replace(run.context, settings=run.context.settings)
    run.take(run.frame(xact_bytes("e1", "C1"), topic=RETRY, headers={"x-retry-count": b"3"}))
    (letter,) = run.table(DEAD_LETTERS).collect()
    run.clock.advance(60)
    run.api.control.put_project(5, "C1")
    headers = {"x-dead-letter-id": letter.dead_letter_id.encode(), "x-replay-count": b"1"}
    run.take(run.frame(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    run.take(run.frame(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert len(run.api.control.tasks()) == 1
    assert [row.state for row in run.table(DEAD_LETTERS).collect()] == ["RESOLVED"]


@pytest.mark.long
def test_a_letter_that_is_open_again_is_nobodys(run: Run) -> None:
    """Who sent it back, and why, go with the state; on a letter that was open all the time they stay, and to its end."""
    run.take(run.frame(xact_bytes("e1", "C1"), topic=RETRY, headers={"x-retry-count": b"3"}))
    (letter,) = run.table(DEAD_LETTERS).collect()
    seen = []
    for before, after in (("REPLAYED", "OPEN"), ("OPEN", "OPEN"), ("REPLAYED", "RESOLVED")):
        table = run.context.warehouse.open(run.context.session, DEAD_LETTERS.name)
        table.update(set={"state": f"'{before}'", "by": "'ada'", "why": "'mended'"})
        change = LetterChange(dead_letter_id=letter.dead_letter_id, state=after, by="auto_recover", why="mapped")
        change_letters(run.context, [change], run.clock.now())
        (row,) = run.table(DEAD_LETTERS).collect()
        seen.append((row.state, row.by, row.why, row.closed_at is not None))
    assert seen == [
        ("OPEN", None, None, False),
        ("OPEN", "ada", "mended", False),
        ("RESOLVED", "ada", "mended", True),
    ]


@pytest.mark.long
def test_people_are_hidden_in_what_leaves(context_with: Callable[..., JobContext]) -> None:
    """With masking the DLQ message hides people; the retry message and the tables keep the event as it was."""
    run = Run(context_with("pii.mask_messages=true", "jobs.task_creation.on_unresolved=dead_letter"))
    run.take(run.frame(xact_bytes("e1", "C1", insured={"name": "Ada Lovelace", "email": "ada@example.org"})))
    (message,) = run.sent
    assert b"Ada" not in bytes(message.value)
    assert b"ada@" not in bytes(message.value)
    assert json.loads(message.value)["event"]["claim_number"] == "C1"
    assert b"Ada" in bytes(run.table(DEAD_LETTERS).first().raw_value)


@pytest.mark.long
def test_what_masking_makes_too_large_is_cut(context_with: Callable[..., JobContext]) -> None:
    """`"zip":1` becomes `"zip":"***"`: a message that no longer fits says where its event is, beside one that does."""
    sets = ("kafka.max_message_bytes=34000", "jobs.task_creation.on_unresolved=dead_letter")
    run = Run(context_with("pii.mask_messages=true", *sets))
    lines = [{"id": n, "zip": 1, "city": None} for n in range(450)]
    given = [xact_bytes(f"e{n}", "C1", lines=lines[:n]).replace(b" ", b"") for n in (450, 200)]
    assert 2 * len(given[0]) < 28_500
    run.take(run.frame(*given))
    cut, whole = sorted(run.sent, key=lambda row: len(row.value))
    letters = {row.event_id: row for row in run.table(DEAD_LETTERS).collect()}
    reference = {"dead_letter_id": letters["e450"].dead_letter_id, "is_cut": True}
    told = json.loads(cut.value)
    assert (told["event_id"], told["event"], told["original_message"]) == ("e450", reference, reference)
    assert json.loads(whole.value)["event"]["lines"][199] == {"id": 199, "zip": "***", "city": "***"}
    assert len(cut.value) < len(whole.value) <= 34_000 - 4_096
    assert bytes(letters["e450"].raw_value) == given[0]


def test_a_refused_token_ends_an_available_now_run(context_with: Callable[..., JobContext]) -> None:
    """A 401 ends the stage with one line after every row is written; no attempt is used."""
    from claimx_lib.errors import TokenRefused

    run = Run(replace(context_with(), available_now=True))
    run.api.control.fault("status", status=401)
    with pytest.raises(TokenRefused, match="CLAIMX_API_TOKEN"):
        run.take(run.frame(xact_bytes("e1", "C1")))
    assert [(r.attempts, r.last_reason) for r in run.table(PENDING).collect()] == [(0, "unauthorized")]
