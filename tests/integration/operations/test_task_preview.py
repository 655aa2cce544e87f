from __future__ import annotations

import json
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.domain.creation.events import SourceRecord, XactEvent, decoded
from claimx_lib.domain.creation.keys import idempotency_key
from claimx_lib.operations.task_preview import Recovery, preview_of_claim, preview_of_letters, recovery_of
from tests.fakes.warehouse import NOW, Tables, letter, letter_id

SETTINGS = load(environ={"CLAIMX_API_TOKEN": "x"})
ONCE = json.dumps([{"name": "call", "task_type": "T", "task_data": {}, "once_per": "claim"}])


def event(event_id: str, claim: str) -> bytes:
    return json.dumps({"event_id": event_id, "event_type": "ESTIMATE_CREATED", "claim_number": claim}).encode()


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create()
    made.append(
        "dead_letters",
        [
            letter(1),
            letter(2, claim_number="abc123456", raw_value=event("evt-2", "abc123456")),
            letter(3, state="DISCARDED"),
            letter(4, reason="task-rejected"),
            letter(5, claim_number="OTHER-1"),
            letter(6, pipeline="task_tracking", reason="bad-timestamp"),
            letter(7, raw_value=b"\xff"),
        ],
    )
    made.append("xact_task_pending", [{"event_id": "evt-9", "claim_key": "ABC123456", "claim_number": "ABC-123456",
                                       "raw_value": event("evt-9", "ABC-123456"), "first_seen_at": NOW}])  # fmt: skip
    return made


def test_a_mapping_sends_back_its_claims_letters_and_wakes_what_waits(tables: Tables) -> None:
    """Counted: open letters of any spelling that a mapping settles, and pending events; nothing else."""
    preview = preview_of_claim(tables.sql, SETTINGS, "ABC123456")
    assert (preview.letters, preview.waiting, preview.to_make) == (3, 1, 3)
    assert {task.event_id for task in preview.tasks} == {"evt-1", "evt-2", "evt-9"}


def test_a_task_that_is_there_is_not_made_again(tables: Tables) -> None:
    """The ledger's tasks are told with their ids and not counted."""
    record = SourceRecord(topic="t", partition=0, offset=0, value=event("evt-1", "ABC-123456"), at=NOW)
    read = decoded(record, {"ESTIMATE_CREATED"})
    assert isinstance(read, XactEvent)
    key = idempotency_key(read, "review_estimate", "event")
    row = {"idempotency_key": key, "event_id": "evt-1", "state": "CREATED", "claimx_task_id": "901", "at": NOW}
    tables.append("xact_task_ledger", [row])
    preview = preview_of_claim(tables.sql, SETTINGS, "ABC123456")
    assert preview.to_make == 2
    assert [task.exists_as for task in preview.tasks if task.event_id == "evt-1"] == ["901"]


def test_once_per_claim_makes_one_task(tables: Tables) -> None:
    """Several events of one claim make one task where the rule says so."""
    once = load(environ={"CLAIMX_API_TOKEN": "x"}, sets=[f"jobs.task_creation.tasks.ESTIMATE_CREATED={ONCE}"])
    assert preview_of_claim(tables.sql, once, "ABC123456").to_make == 1


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_where_no_task_is_made_none_is_promised(tables: Tables, mode: str) -> None:
    """In any other mode than live the tasks are told, and none is counted."""
    settings = load(environ={"CLAIMX_API_TOKEN": "x"}, sets=[f"jobs.task_creation.mode={mode}"])
    of_claim = preview_of_claim(tables.sql, settings, "ABC123456")
    of_letters = preview_of_letters(tables.sql, settings, (letter_id(1),))
    assert [len(told.tasks) for told in (of_claim, of_letters)] == [3, 1]
    assert [(told.to_make, told.mode) for told in (of_claim, of_letters)] == [(0, mode), (0, mode)]


def test_letters_of_other_pipelines_make_no_task(tables: Tables) -> None:
    """Sending back a tracking letter makes a row, not a task."""
    preview = preview_of_letters(tables.sql, SETTINGS, (letter_id(1), letter_id(6)))
    assert (preview.letters, preview.to_make) == (2, 1)


def test_without_recovery_a_decision_wakes_its_own_letter(tables: Tables) -> None:
    """With `auto_recover` false the letter decided now goes back, and those that a person has marked; not the others."""
    off = load(environ={"CLAIMX_API_TOKEN": "x"}, sets=["jobs.task_creation.auto_recover=false"])
    assert preview_of_claim(tables.sql, off, "ABC123456", decided=letter_id(1)).letters == 1
    assert recovery_of(tables.sql, off, "ABC-123456", letter_id(1)) == Recovery(going=1, staying=2)
    marks = {letter_id(2): "Ana", letter_id(7): "auto_recover"}
    for name, by in marks.items():
        tables.sql.update("dead_letters", {'"by"': f"'{by}'"}, f"dead_letter_id = '{name}'")
    assert preview_of_claim(tables.sql, off, "ABC123456", decided=letter_id(1)).letters == 2
    assert recovery_of(tables.sql, off, "abc123456", letter_id(1)) == Recovery(going=2, staying=1)
    assert recovery_of(tables.sql, SETTINGS, "ABC-123456", letter_id(1)) == Recovery(going=3, staying=0)
