"""task_tracking before a ClaimX that puts anything into a 200."""

from __future__ import annotations

import json

import pytest

from claimx_lib.streams.task_tracking import process_batch
from tests.fakes.bad_answers import BODIES, NO_OBJECTS, answering
from tests.fakes.world import Worlds, tracking_message


def test_every_answer_leaves_a_row(new: Worlds) -> None:
    """The whole list in one batch, more of it than failures open the circuit: a body that is no JSON object is a failed enrichment, an object is kept, in the
    column or in `rescued_data`; each event has its row and its success message, and nothing else is told of the body.
    """
    with answering(BODIES) as url:
        world = new(f"claimx.base_url={url}", "jobs.task_tracking.max_new_fields=50")
        messages = [tracking_message(f"e{n:03}", task=n) for n in range(len(BODIES))]
        process_batch(world.frame(messages, topic="tracking"), world.batch(), world.context())
    rows = dict(zip(BODIES, world.rows(), strict=True))
    assert {name for name, row in rows.items() if row.enrichment_status == "failed"} == set(NO_OBJECTS)
    assert {row.enrichment_status for name, row in rows.items() if name not in NO_OBJECTS} == {"enriched"}
    told = "odd-body 200 GET /api/v1/tasks/{task_id}: no JSON"
    assert {rows[name].enrichment_error for name in NO_OBJECTS} == {told, f"{told} object"}
    kept = {name for name, row in rows.items() if row.claimx_task_full is not None or row.rescued_data is not None}
    assert kept == set(BODIES) - set(NO_OBJECTS)
    assert rows["white space around"].claimx_task_full.id == 7
    assert len(world.received("tracking_success")) == len(rows)
    assert len(world.received("tracking_errors")) == len(NO_OBJECTS)
    assert world.letters() == []


@pytest.mark.long
def test_every_answer_about_a_project_leaves_a_row(new: Worlds) -> None:
    """The whole list as answers to GET project, with no task to ask for: a body that is no JSON object is told in the row,
    which is no failed enrichment for it; an object is kept, in the column or in `rescued_data`; each event has its row
    and its success message, and nothing else is told of the body.
    """
    with answering(BODIES) as url:
        sets = ("jobs.task_tracking.project_lookup=true", "jobs.task_tracking.max_new_fields=50")
        world = new(f"claimx.base_url={url}", *sets)
        messages = [tracking_message(f"e{n:03}", task=None, project_id=str(n)) for n in range(len(BODIES))]
        process_batch(world.frame(messages, topic="tracking"), world.batch(), world.context())
    rows = dict(zip(BODIES, world.rows(), strict=True))
    assert {row.enrichment_status for row in rows.values()} == {"skipped"}, "it speaks of the task"
    assert {name for name, row in rows.items() if row.enrichment_error is not None} == set(NO_OBJECTS)
    told = "project: odd-body 200 GET /api/v1/projects/{project_id}: no JSON"
    assert {rows[name].enrichment_error for name in NO_OBJECTS} == {told, f"{told} object"}
    kept = {name for name, row in rows.items() if row.claimx_project_full is not None or row.rescued_data is not None}
    assert kept == set(BODIES) - set(NO_OBJECTS)
    whole = json.loads(rows["white space around"].rescued_data)["claimx_project_full"]
    assert json.loads(whole) == {"id": 7, "status": "open"}, "3,000 fields are too many: each text is kept whole"
    assert len(world.received("tracking_success")) == len(rows)
    assert world.received("tracking_errors") == []
    assert world.letters() == []
