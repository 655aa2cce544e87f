"""How far a person's decision about a letter has come: saved, in the mapping, sent back, done."""

from __future__ import annotations

from dataclasses import dataclass

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain.creation.effects import AUTO_RECOVER
from claimx_lib.operations.letter_story import LetterStory
from claimx_lib.operations.mapping_search import mapped_claim

CREATION = "task_creation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressStep:
    """Something that follows from a decision, and whether it has happened."""

    title: str
    is_done: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The steps in their order; `is_done` once nothing more is to come."""

    title: str
    steps: tuple[ProgressStep, ...]

    @property
    def is_done(self) -> bool:
        """Tell whether every step has happened."""
        return all(step.is_done for step in self.steps)


def progress_of(tables: DeltaSql, story: LetterStory) -> Progress | None:
    """Return the steps of a decision that somebody has taken; None for a letter that nobody has touched or wants."""
    letter = story.letter
    if letter.state == "DISCARDED" or (letter.state == "OPEN" and not letter.by):
        return None
    is_person = letter.by not in {"", AUTO_RECOVER}
    decided = (
        ProgressStep(title="Decision saved", is_done=True, detail=f"by {letter.by}")
        if is_person
        else ProgressStep(title="Taken up by itself", is_done=True, detail=letter.why)
    )
    back = ProgressStep(title="Sent back into the flow", is_done=letter.state != "OPEN")
    if letter.pipeline != CREATION:
        end = ProgressStep(title="Settled", is_done=letter.state == "RESOLVED")
        return Progress(title="What became of it", steps=(decided, back, end))
    task = _task(story)
    known = _known(tables, story, is_settled=task.is_done)
    return Progress(title="What became of it", steps=(decided, known, back, task))


def _task(story: LetterStory) -> ProgressStep:
    """The last step; a letter that is resolved without a task of its event has nothing more to come either."""
    task_id = story.claimx_task_id
    if not task_id and story.letter.state == "RESOLVED":
        detail = "no task by this letter: another event's stands for it, or another letter of this event is open"
        return ProgressStep(title="Settled", is_done=True, detail=detail)
    return ProgressStep(title="Task in ClaimX", is_done=bool(task_id), detail=f"task {task_id}" if task_id else "")


def _known(tables: DeltaSql, story: LetterStory, *, is_settled: bool) -> ProgressStep:
    """Whether the mapping has the claim, in whatever spelling; where its task is there, a project was known."""
    mapped = mapped_claim(tables, story.claim_number)
    if mapped is None:
        detail = "" if is_settled else "waiting for mapping_sync"
        return ProgressStep(title="Project known", is_done=is_settled, detail=detail)
    spelled = "" if mapped.claim_number == story.claim_number else f", as {mapped.claim_number}"
    detail = f"project {mapped.project_id}{spelled}, {mapped.source}"
    return ProgressStep(title="Project known", is_done=True, detail=detail)
