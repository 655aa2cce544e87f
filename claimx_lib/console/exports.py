"""What leaves the console as a file: lists as CSV, one record as its bytes."""

from __future__ import annotations

import io

from fastapi import APIRouter, Request
from fastapi.responses import Response

from claimx_lib.console.letters import MOST_EXPORTED, chosen_from
from claimx_lib.console.render import desk_of
from claimx_lib.operations.letter_export import export
from claimx_lib.operations.letter_story import letter_story
from claimx_lib.operations.review import letters_wanted

router = APIRouter()


@router.get("/export.csv")
def letters_as_csv(request: Request) -> Response:
    """The letters of these filters, oldest first; no cell is a formula to a spreadsheet.

    At most `MOST_EXPORTED`: the name of a file that does not hold them all says so.
    """
    desk = desk_of(request)
    wanted = chosen_from(dict(request.query_params)).wanted(desk.clock.now())
    text = io.StringIO()
    rows = letters_wanted(desk.tables, wanted, limit=MOST_EXPORTED + 1, is_whole=True)
    export(rows[:MOST_EXPORTED], text, "csv")
    name = f"dead-letters-oldest-{MOST_EXPORTED}.csv" if len(rows) > MOST_EXPORTED else "dead-letters.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/letters/{letter_id}/payload")
def payload(request: Request, letter_id: str) -> Response:
    """The record's bytes as they came, to keep and never to show: no browser takes them for a page."""
    story = letter_story(desk_of(request).tables, letter_id)
    name = "".join(c for c in letter_id[:16] if c.isalnum())
    headers = {"Content-Disposition": f'attachment; filename="letter-{name}.bin"'}
    return Response(story.payload, media_type="application/octet-stream", headers=headers)
