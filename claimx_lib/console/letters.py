"""The dead letters: the list, its filters and the counts around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from claimx_lib.console.charts import length
from claimx_lib.console.render import Notice, desk_of, page, part
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.digits import whole
from claimx_lib.errors import UsageError
from claimx_lib.operations.review import STATES, LetterFilter, LetterPage, claim_groups, letter_page

router = APIRouter()
PAGE_SIZE = 50
MOST_AT_ONCE = 1000
MOST_EXPORTED = 100_000
SPANS = (("", "Any time"), ("1", "Last day"), ("7", "Last 7 days"), ("30", "Last 30 days"))
DONE = {
    "resolved": "The decision is saved. The letter goes back as soon as the mapping has it.",
    "replayed": "Sent back into the flow.",
    "discarded": "Discarded, with your reason.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The filters as they stand in the address."""

    state: str = "OPEN"
    reason: str = ""
    pipeline: str = ""
    since: str = ""
    q: str = ""
    claim: str = ""

    def wanted(self, now: datetime) -> LetterFilter:
        """The same as the operations want it."""
        days = whole(self.since, digits=4)
        return LetterFilter(
            state=self.state if self.state in STATES else None,
            reason=self.reason or None,
            pipeline=self.pipeline or None,
            since=now - timedelta(days=days) if days else None,
            text=self.q.strip(),
            claim_key=claim_key(self.claim) if self.claim else None,
        )


def chosen_from(params: Mapping[str, str]) -> Chosen:
    """Return the filters that an address holds; anything else in it is left."""
    known = {name: params.get(name, "")[:200] for name in ("reason", "pipeline", "since", "q", "claim")}
    return Chosen(state=params.get("state", "OPEN"), **known)


@router.get("/")
def index(request: Request) -> HTMLResponse:
    """The list: newest first, with the counts of each state and reason around it."""
    desk, params = desk_of(request), dict(request.query_params)
    chosen = chosen_from(params)
    number = whole(params.get("page", ""), digits=6) or 1
    view = "claims" if params.get("view") == "claims" else "letters"
    wanted = chosen.wanted(desk.clock.now())
    offset = (number - 1) * PAGE_SIZE
    found = letter_page(desk.tables, wanted, offset=offset, limit=PAGE_SIZE)
    groups, claims = claim_groups(desk.tables, wanted, offset=offset, limit=PAGE_SIZE) if view == "claims" else ((), 0)
    listed = claims if view == "claims" else found.total
    return page(
        request,
        "letters.html",
        section="letters",
        title="Dead letters",
        page=found,
        total=found.total,
        groups=groups,
        view=view,
        chosen=chosen,
        params=params,
        page_number=number,
        pages=-(-listed // PAGE_SIZE),
        states=_states(found),
        open_total=_open(found) if wanted.state in {None, "OPEN"} else 0,
        reasons_total=sum(facet.count for facet in found.reasons),
        spans=SPANS,
        most=MOST_AT_ONCE,
        most_exported=MOST_EXPORTED,
        is_filtered=chosen != Chosen(),
        wanted_text="letters" if chosen.state not in STATES else f"{chosen.state.lower()} letters",
        filter_text=_query(params, page=""),
        link=lambda **changes: f"/?{_query(params, **changes)}",
        bar=lambda count: length(count, max(facet.count for facet in found.reasons)),
        notice=notice_of(params),
    )


@router.get("/freshness")
def freshness(request: Request, table: str = "", version: str = "") -> HTMLResponse:
    """Tell a page that is open for a while whether its table has changed."""
    if table not in {"dead_letters", "itel_cabinet_task_tracking"}:
        raise UsageError("no such table is shown here")
    is_stale = str(desk_of(request).tables.version(table)) != version
    return part(request, "freshness.html", section="letters", title="Freshness", is_stale=is_stale)


def _states(found: LetterPage) -> list[tuple[str, int]]:
    counts = {facet.value: facet.count for facet in found.states}
    return [*((state, counts.get(state, 0)) for state in STATES), ("", sum(counts.values()))]


def _open(found: LetterPage) -> int:
    return sum(facet.count for facet in found.states if facet.value == "OPEN")


def _query(params: Mapping[str, str], **changes: object) -> str:
    known = ("state", "reason", "pipeline", "since", "q", "claim", "view", "page")
    merged = {**params, **{name: str(value) for name, value in changes.items()}}
    kept = {name: merged[name] for name in known if merged.get(name) or (name == "state" and name in merged)}
    return urlencode({name: value for name, value in kept.items() if (name, value) != ("page", "1")})


def notice_of(params: Mapping[str, str]) -> Notice | None:
    """Return what the address says has just been done; only sentences of our own."""
    done = params.get("done", "")
    if done not in DONE:
        return None
    count, left = (whole(params.get(name, ""), digits=6) for name in ("n", "left"))
    told = DONE[done] if count is None else f"{count} letters: {DONE[done]}"
    if left:
        return Notice(kind="warn", text=f"{told} {left} were left: somebody else had decided about them meanwhile.")
    return Notice(kind="good", text=told)
