"""The enrichment kernel: what becomes of each row."""

from __future__ import annotations

import json
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claimx_lib.partitions import enrich
from tests.fakes.clock import BEGINNING
from tests.fakes.partition import SCHEMA, Worker

TASK = {"id": 1, "status": "assigned"}


@pytest.fixture
def worker() -> Worker:
    """A worker before ClaimX that knows task 1 and project 7."""
    worker = Worker()
    worker.claimx.control.put_tasks([TASK])
    worker.claimx.control.put_project(7, "C")
    return worker


def test_an_enriched_row_is_the_input_and_what_claimx_said(worker):
    """The whole row: the input's columns untouched and in order, then the new ones."""
    worker.claimx.control.fault("latency", seconds=0.25)
    [batch] = worker.stream([("1", None)])
    assert batch.schema.names == [*SCHEMA.names, *(field.name for field in enrich._ADDED)]
    [row] = batch.to_pylist()
    assert json.loads(row.pop("claimx_task_json")) == TASK
    assert len(row.pop("api_seconds")) == 1
    assert row == {
        "event_id": "e0",
        "lookup_task_id": "1",
        "lookup_project_id": None,
        "note": b"\xff\x00",
        "enrichment_status": "enriched",
        "enrichment_error": None,
        "enriched_at": BEGINNING + timedelta(seconds=0.25),
        "claimx_project_json": None,
        "api_calls": 1,
        "api_errors": 0,
    }


def test_an_unknown_task_is_not_found_without_an_error(worker):
    """404 is an answer: no error text, an instant, no JSON."""
    [row] = worker.run([("2", None)])
    assert (row["enrichment_status"], row["enrichment_error"], row["claimx_task_json"]) == ("not_found", None, None)
    assert row["enriched_at"] == BEGINNING
    assert (row["api_calls"], row["api_errors"]) == (1, 0)


def test_a_row_that_asks_for_nothing_is_skipped_without_a_call(worker):
    """Null ids call nobody and do not even start a thread."""
    [row] = worker.run([(None, None)])
    assert (row["enrichment_status"], row["enrichment_error"], row["enriched_at"]) == ("skipped", None, None)
    assert worker.calls() == []


def test_a_failure_is_a_status_with_its_cause(worker):
    """After the retries the row is failed, says why without the id, and counts every call and error."""
    worker.claimx.control.fault("status", status=503)
    [row] = worker.run([("1", None)])
    assert row["enrichment_status"] == "failed"
    assert row["enrichment_error"] == "unavailable 503 GET /api/v1/tasks/{task_id}"
    assert (row["enriched_at"], row["claimx_task_json"]) == (None, None)
    assert (row["api_calls"], row["api_errors"], len(row["api_seconds"])) == (4, 4, 4)


def test_a_failure_that_passes_is_enriched(worker):
    """One retry is enough, and the failed call is still counted."""
    worker.claimx.control.fault("status", status=429, retry_after="3", count=1)
    [row] = worker.run([("1", None)])
    assert (row["enrichment_status"], row["api_calls"], row["api_errors"]) == ("enriched", 2, 1)
    assert worker.claimx.clock.monotonic() >= 3


@pytest.mark.parametrize("fault", ["garbage", "html", "truncated_json", "reset", "redirect"])
def test_a_broken_answer_is_a_failure_and_the_next_row_goes_on(worker, fault):
    """200 without an object is not enriched."""
    worker.claimx.control.fault(fault, path="*/tasks/1")
    failed, found = worker.run([("1", None), ("2", None)])
    assert (failed["enrichment_status"], found["enrichment_status"]) == ("failed", "not_found")


def test_an_id_that_is_none_fails_without_a_call(worker):
    """What may not stand in a URL is never sent."""
    [row] = worker.run([("../admin", None)])
    assert (row["enrichment_status"], row["api_calls"], worker.calls()) == ("failed", 0, [])


def test_a_project_is_looked_up_beside_the_task(worker):
    """Both answers stand in the row, and both calls are counted."""
    [row] = worker.run([("1", "7")])
    assert json.loads(row["claimx_project_json"]) == {"project_id": 7, "claim_number": "C"}
    assert (row["enrichment_status"], row["api_calls"], len(row["api_seconds"])) == ("enriched", 2, 2)


def test_a_failed_project_leaves_the_task_enriched(worker):
    """The optional look-up says what was wrong and decides nothing."""
    worker.claimx.control.fault("status", status=403, path="*/projects/*")
    [row] = worker.run([("1", "7")])
    assert (row["enrichment_status"], row["claimx_project_json"]) == ("enriched", None)
    assert row["enrichment_error"] == "project: forbidden 403 GET /api/v1/projects/{project_id}"


def test_an_empty_record_batch_stays_one(worker):
    """No rows in, no rows out, the schema all the same."""
    [batch] = worker.stream([])
    assert batch.schema == enrich.enriched_schema(SCHEMA)
    assert batch.num_rows == 0


@given(rows=st.lists(st.lists(st.tuples(*[st.none() | st.sampled_from("123456")] * 2), max_size=12), max_size=4))
@settings(max_examples=50, deadline=None)
def test_every_row_comes_out_once_in_order_and_each_id_is_called_once(rows):
    """R6: calls made are the distinct ids of the partition, whatever is repeated in and across record batches."""
    worker = Worker(max_concurrency=4, lookup_batch_size=3)
    worker.claimx.control.put_tasks([{"id": 1}, {"id": 2}])
    worker.claimx.control.fault("status", status=403, path="*/tasks/3")
    enriched = worker.run(*rows)
    asked = [row for batch in rows for row in batch]
    assert [(row["lookup_task_id"], row["lookup_project_id"]) for row in enriched] == asked
    distinct = {f"tasks/{task}" for task, _ in asked if task} | {
        f"projects/{project}" for _, project in asked if project
    }
    assert sorted(worker.calls()) == sorted(distinct)
    assert sum(row["api_calls"] for row in enriched) == len(distinct)


def test_large_answers_leave_in_portions(worker):
    """A record batch whose text would outgrow Arrow's strings is cut; no row is lost and no call counted twice."""
    rows = [("1", None), ("2", None), ("1", "7"), (None, None), ("1", None)]
    batches = list(worker.stream(rows, most_text=60))
    assert len(batches) > 1
    enriched = pa.Table.from_batches(batches).to_pylist()
    assert [(row["lookup_task_id"], row["lookup_project_id"]) for row in enriched] == rows
    assert [row["api_calls"] for row in enriched] == [1, 1, 1, 0, 0]
