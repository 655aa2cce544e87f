"""What people decide: by POST alone, with who and why, on the letter as they saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from claimx_lib.console.desk import Desk
from claimx_lib.console.guard import Form, one, several
from claimx_lib.console.identity import decider, reason_given
from claimx_lib.console.letters import MOST_AT_ONCE, chosen_from
from claimx_lib.console.render import desk_of, page
from claimx_lib.errors import UsageError
from claimx_lib.operations.decisions import Conflict
from claimx_lib.operations.mapping_decisions import usable_project
from claimx_lib.operations.review import LetterRow, letters_by_id, letters_wanted
from claimx_lib.operations.task_preview import preview_of_letters

router = APIRouter()
ACTIONS = {"replay": "replayed", "discard": "discarded"}
MOST_REFUSALS = 5


@router.post("/letters/preview")
def preview(request: Request, form: Form) -> HTMLResponse:
    """What a decision about many letters would reach and make; changes nothing."""
    desk, action = desk_of(request), _action(one(form, "action"))
    if one(form, "all") == "1":
        rows = _open_ones(desk, one(form, "filter"))
    else:
        rows = letters_by_id(desk.tables, several(form, "id")[:MOST_AT_ONCE])
    if not rows:
        raise UsageError("no letter is selected", cure="tick some, or all open ones that match")
    chosen = rows[:MOST_AT_ONCE]
    open_rows = [row for row in chosen if row.state == "OPEN"]
    refusals = _refusals(desk, open_rows) if action == "replay" else {}
    reached = [row for row in open_rows if row.dead_letter_id not in refusals]
    return page(
        request,
        "bulk.html",
        section="letters",
        title="Preview",
        action=action,
        reached=reached,
        skipped=len(chosen) - len(open_rows),
        refused=len(refusals),
        refusals=Counter(refusals.values()).most_common(MOST_REFUSALS),
        is_cut=len(rows) > MOST_AT_ONCE,
        most=MOST_AT_ONCE,
        reasons=Counter(row.reason for row in reached).most_common(),
        preview=preview_of_letters(desk.tables, desk.settings, tuple(row.dead_letter_id for row in reached)),
        items=_items(reached),
    )


@router.post("/letters/bulk")
def bulk(request: Request, form: Form) -> Response:
    """Carry out what the preview showed; letters that somebody touched meanwhile are left and told."""
    desk, action = desk_of(request), _action(one(form, "action"))
    by, why = decider(request, desk.gate, form), reason_given(form)
    stamps = _stamps(one(form, "items"))
    act = desk.decisions.replay if action == "replay" else desk.decisions.discard
    decided = act(stamps, by=by, why=why)
    return RedirectResponse(f"/?done={ACTIONS[action]}&n={decided.done}&left={len(decided.left)}", 303)


@router.post("/letters/{letter_id}/resolve")
def resolve(request: Request, letter_id: str, form: Form) -> Response:
    """Save the project of the letter's claim; its arrival in the mapping sends the letters back."""
    desk = desk_of(request)
    by, why = decider(request, desk.gate, form), reason_given(form)
    project = usable_project(one(form, "project"))
    desk.decisions.resolve(letter_id, one(form, "stamp"), project, by=by, why=why)
    return _done(letter_id, "resolved")


@router.post("/letters/{letter_id}/replay")
def replay(request: Request, letter_id: str, form: Form) -> Response:
    """Send one letter back as it is."""
    desk = desk_of(request)
    by, why = decider(request, desk.gate, form), reason_given(form)
    decided = desk.decisions.replay({letter_id: one(form, "stamp")}, by=by, why=why)
    return _done(letter_id, "replayed", decided.left)


@router.post("/letters/{letter_id}/discard")
def discard(request: Request, letter_id: str, form: Form) -> Response:
    """Close one letter; nothing is made of it."""
    desk = desk_of(request)
    by, why = decider(request, desk.gate, form), reason_given(form)
    decided = desk.decisions.discard({letter_id: one(form, "stamp")}, by=by, why=why)
    return _done(letter_id, "discarded", decided.left)


def _done(letter_id: str, done: str, left: tuple[LetterRow, ...] = ()) -> Response:
    if left:
        raise Conflict(left[0])
    return RedirectResponse(f"/letters/{letter_id}?done={done}", 303)


def _action(name: str) -> str:
    if name not in ACTIONS:
        raise UsageError("that is nothing that can be done with letters")
    return name


def _open_ones(desk: Desk, address: str) -> tuple[LetterRow, ...]:
    """The open letters among those that the filters of an address show, oldest first: one more than are taken at once."""
    shown = chosen_from(dict(parse_qsl(address, keep_blank_values=True))).wanted(desk.clock.now())
    if shown.state not in {None, "OPEN"}:
        return ()
    return letters_wanted(desk.tables, replace(shown, state="OPEN"), limit=MOST_AT_ONCE + 1)


def _refusals(desk: Desk, rows: Iterable[LetterRow]) -> Mapping[str, str]:
    return desk.decisions.actions.refusals([row.dead_letter_id for row in rows])


def _items(rows: Iterable[LetterRow]) -> str:
    return "\n".join(f"{row.dead_letter_id} {row.stamp}" for row in rows)


def _stamps(items: str) -> dict[str, str]:
    pairs = (line.split(" ") for line in items.splitlines()[:MOST_AT_ONCE])
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}  # noqa: PLR2004
