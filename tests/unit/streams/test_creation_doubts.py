from __future__ import annotations

from datetime import timedelta

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, TaskSearch
from claimx_lib.domain.creation.decisions import Create, Subject
from claimx_lib.domain.creation.entries import Work, work_row
from claimx_lib.domain.creation.events import decoded
from claimx_lib.domain.creation.ledger import KeyState, State
from claimx_lib.streams.creation_doubts import Doubts
from tests.fakes.clock import BEGINNING
from tests.fakes.creation import POLICY, World


class Claimx:
    """Has the task in one project, and honestly none in others."""

    def find_tasks(self, project_id: str, _reference: str) -> TaskSearch:
        return TaskSearch(answer=ApiAnswer(kind=ApiOutcome.OK), task_ids=("900",) if project_id == "6" else ())


def test_a_task_is_adopted_in_the_project_that_has_it() -> None:
    """Two sends ended in doubt, each in another project: the ledger names the one in which ClaimX has the task."""
    event = decoded(World().event("e1", "C1"), POLICY.rules)
    (task,) = POLICY.tasks_of(event)
    subject = Subject(event=event, attempt="c", first_seen_at=BEGINNING)
    works = [
        Work(create=Create(subject=subject, project_id=p, resolved_by="r", tasks=(task,)), task=task) for p in (5, 6)
    ]
    unknown = tuple(work_row(w, State.UNKNOWN, f"{n}.1", BEGINNING) for n, w in enumerate(works))
    doubts = Doubts(
        api=Claimx(),
        policy=POLICY,
        states={task.key: KeyState(rows=unknown)},
        now=lambda: BEGINNING + timedelta(hours=1),
        pause=lambda _: None,
        threads=1,
        hold=lambda *_: None,
    )
    (row,) = doubts.adopted(works[:1])
    assert (row.state, row.project_id, row.claimx_task_id, row.attempt_id) == (State.ADOPTED, 6, "900", "1.1")
