"""The mapping: search, a claim's history, conflicts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from claimx_lib.console.render import desk_of, page
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.operations.mapping import conflicts, history_of
from claimx_lib.operations.mapping_search import mapped_claim, search_mapping
from claimx_lib.operations.review import letters_of_claim

router = APIRouter()
MOST, RECENT, MOST_HISTORY = 50, 20, 1_000


@router.get("/mapping")
def search(request: Request, q: str = "") -> HTMLResponse:
    """Claims and projects by what is typed; without it the last changed, and the first conflicts."""
    desk, text = desk_of(request), q.strip()[:100]
    meeting = conflicts(desk.tables, desk.settings, limit=MOST + 1) if not text else ()
    return page(
        request,
        "mapping.html",
        section="mapping",
        title="Mapping",
        q=text,
        found=search_mapping(desk.tables, text, limit=MOST if text else RECENT),
        most=MOST,
        conflicts=meeting[:MOST],
        has_more_conflicts=len(meeting) > MOST,
    )


@router.get("/mapping/{claim_number:path}")
def claim(request: Request, claim_number: str) -> HTMLResponse:
    """One claim: its project, the identity events that named it, and its dead letters; the newest, and that there are more."""
    desk = desk_of(request)
    key = claim_key(claim_number)
    letters, letters_total = letters_of_claim(desk.tables, key, limit=RECENT) if key else ((), 0)
    history = history_of(desk.tables, claim_number, limit=MOST_HISTORY + 1)[::-1]
    return page(
        request,
        "claim.html",
        section="mapping",
        title=f"Claim {claim_number[:60]}",
        claim_number=claim_number[:200],
        mapped=mapped_claim(desk.tables, claim_number),
        claim_key=key,
        history=history[:MOST_HISTORY],
        has_more_history=len(history) > MOST_HISTORY,
        letters=letters,
        letters_total=letters_total,
    )
