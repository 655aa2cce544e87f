"""One dead letter: its story, the projects it may belong to, and one of them beside it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from claimx_lib.console.desk import Desk
from claimx_lib.console.letters import notice_of
from claimx_lib.console.render import desk_of, page, part
from claimx_lib.console.wording import payload_text
from claimx_lib.domain.reasons import GIVEN_BY_MAPPING
from claimx_lib.operations.decision_progress import progress_of
from claimx_lib.operations.letter_story import letter_story
from claimx_lib.operations.mapping_decisions import usable_project
from claimx_lib.operations.mapping_search import mapped_claim
from claimx_lib.operations.project_facts import ProjectFacts, compared, project_facts
from claimx_lib.operations.review import letter_row, letters_of_claim
from claimx_lib.operations.rule_trace import rule_trace
from claimx_lib.operations.suggestions import suggestions
from claimx_lib.operations.task_preview import preview_of_claim, preview_of_letters

router = APIRouter()
MOST_PAYLOAD = 20_000
LONGEST_SHOWN = 200


@router.get("/letters/{letter_id}")
def letter(request: Request, letter_id: str) -> HTMLResponse:
    """One letter: what it is, what happened, and what can be done."""
    desk = desk_of(request)
    story = letter_story(desk.tables, letter_id)
    key = story.claim_key
    near, near_total = letters_of_claim(desk.tables, key, limit=9) if key else ((), 0)
    payload, left_out = payload_text(story.payload, most=MOST_PAYLOAD)
    is_creation, is_open = story.letter.pipeline == "task_creation", story.letter.state == "OPEN"
    refusals = desk.decisions.actions.refusals((letter_id,)) if is_open else {}
    return page(
        request,
        "letter.html",
        section="letters",
        title=f"Letter {story.claim_number[:60] or letter_id[:12]}",
        story=story,
        letter=story.letter,
        payload=payload,
        left_out=left_out,
        is_open=is_open,
        refusal=refusals.get(letter_id, ""),
        is_creation=is_creation,
        needs_project=is_creation and bool(key) and story.letter.reason in GIVEN_BY_MAPPING,
        siblings=[row for row in near if row.dead_letter_id != letter_id],
        siblings_total=near_total,
        trace=rule_trace(desk.tables, desk.settings, story.claim_number) if is_creation else (),
        preview=preview_of_letters(desk.tables, desk.settings, (letter_id,)),
        progress=progress_of(desk.tables, story),
        notice=notice_of(dict(request.query_params)),
    )


@router.get("/letters/{letter_id}/suggestions")
def near_projects(request: Request, letter_id: str) -> HTMLResponse:
    """The projects that the claim may belong to, likeliest first."""
    desk = desk_of(request)
    row = letter_row(desk.tables, letter_id)
    found = suggestions(desk.tables, row.claim_number, candidates=row.candidates)
    return part(
        request, "suggestions.html", section="letters", title="Suggestions", suggestions=found, letter_id=letter_id
    )


@router.get("/letters/{letter_id}/compare")
def compare(request: Request, letter_id: str, project: str = "") -> HTMLResponse:
    """A project beside the claim, and the tasks that the decision makes; asks ClaimX once, changes nothing."""
    desk = desk_of(request)
    project_id = usable_project(project)
    story = letter_story(desk.tables, letter_id)
    facts = _asked(desk, project_id)
    return part(
        request,
        "compare.html",
        section="letters",
        title=f"Project {project_id}",
        letter=story.letter,
        claim_number=story.claim_number[:LONGEST_SHOWN],
        project=facts,
        rows=compared(story.claim_number, story.event.facts, facts) if facts.is_there else (),
        mapped=mapped_claim(desk.tables, story.claim_number),
        preview=preview_of_claim(desk.tables, desk.settings, story.claim_key, decided=letter_id),
    )


@router.get("/letters/{letter_id}/progress")
def progress(request: Request, letter_id: str) -> Response:
    """How far a decision has come, for a page that waits for it."""
    desk = desk_of(request)
    story = letter_story(desk.tables, letter_id)
    told = progress_of(desk.tables, story)
    if told is None:
        return HTMLResponse("")
    return part(request, "progress.html", section="letters", title="Progress", progress=told, letter=story.letter)


@router.get("/letters/{letter_id}/freshness")
def letter_freshness(request: Request, letter_id: str, stamp: str = "") -> HTMLResponse:
    """Tell a page that is open for a while whether somebody has done something with its letter."""
    is_stale = letter_row(desk_of(request).tables, letter_id).stamp != stamp
    return part(request, "freshness.html", section="letters", title="Freshness", is_stale=is_stale)


def _asked(desk: Desk, project_id: int) -> ProjectFacts:
    api = desk.api()
    try:
        return project_facts(api, project_id)
    finally:
        api.close()
