"""What leaves the console as a file: lists as CSV, one record as its bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from claimx_lib.console.letters import chosen_from
from claimx_lib.console.render import desk_of
from claimx_lib.console.wording import iso
from claimx_lib.operations.letter_story import letter_story
from claimx_lib.operations.review import LetterRow, letters_wanted

router = APIRouter()
MOST_ROWS = 100_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are full-width: a spreadsheet takes them too."""
COLUMNS = tuple(field.name for field in fields(LetterRow))


@router.get("/export.csv")
def letters_as_csv(request: Request) -> Response:
    """The letters of these filters, oldest first, at most `MOST_ROWS`; no cell is a formula to a spreadsheet."""
    desk = desk_of(request)
    wanted = chosen_from(dict(request.query_params)).wanted(desk.clock.now())
    rows = letters_wanted(desk.tables, wanted, limit=MOST_ROWS)
    headers = {"Content-Disposition": 'attachment; filename="dead-letters.csv"'}
    return StreamingResponse(_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/letters/{letter_id}/payload")
def payload(request: Request, letter_id: str) -> Response:
    """The record's bytes as they came, to keep and never to show: no browser takes them for a page."""
    story = letter_story(desk_of(request).tables, letter_id)
    name = "".join(c for c in letter_id[:16] if c.isalnum())
    headers = {"Content-Disposition": f'attachment; filename="letter-{name}.bin"'}
    return Response(story.payload, media_type="application/octet-stream", headers=headers)


def harmless(value: object) -> str:
    """Return a cell that a spreadsheet shows and does not carry out."""
    text = iso(value) if isinstance(value, datetime) else "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def _lines(rows: tuple[LetterRow, ...]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([harmless(getattr(row, name)) for name in COLUMNS])
        if buffer.tell() > 2**16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
