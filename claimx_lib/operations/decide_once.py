"""Decisions from the command line: each letter is taken before anything is sent, and not over another person's head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.errors import ClaimxError
from claimx_lib.operations.decisions import Decisions
from claimx_lib.operations.dlq import OPEN, REPLAYED, LetterDesk, Replayable
from claimx_lib.operations.review import TABLE, LetterRow

AT_ONCE = 500
"""Letters that are taken by one commit; the next ones when these are sent."""


def require_undecided(tables: DeltaSql, rows: Iterable[LetterRow]) -> None:
    """Return only where no person has decided about a letter that is not closed; else one line: who, when, what to do."""
    row = next((row for row in rows if row.is_decided and row.state in {OPEN, REPLAYED}), None)
    if row is None:
        return
    short, at = row.dead_letter_id[:12], tables.updated_at(TABLE, row.dead_letter_id)
    who = "".join(c for c in row.by[:80] if c.isprintable())
    when = f" at {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
    raise ClaimxError(
        f"dead letter {short}: {who} decided it already{when}",
        cure=f"look at claimx dlq show {short}; --even-if-decided puts your decision over it",
    )


def resolve_letter(desk: LetterDesk, row: LetterRow, project_id: int, *, by: str, why: str) -> None:
    """Publish the project of the letter's claim; Conflict, and nothing sent, where somebody came since it was read."""
    if row.state == OPEN:
        _decisions(desk).resolve(row.dead_letter_id, row.stamp, project_id, by=by, why=why)
    else:
        desk.resolve(row.dead_letter_id, project_id, by=by, why=why)


def discard_letters(desk: LetterDesk, rows: Iterable[LetterRow], *, by: str, why: str) -> int:
    """Close letters that are as they were read; return how many."""
    return _decisions(desk).discard({row.dead_letter_id: row.stamp for row in rows}, by=by, why=why).done


def send_letters_back(
    desk: LetterDesk,
    found: Sequence[Replayable],
    rows: Iterable[LetterRow],
    *,
    by: str,
    why: str,
    per_second: float = float("inf"),
) -> tuple[Replayable, ...]:
    """Send back what has a way and is as it was read; return all, those that somebody came to first with a refusal."""
    stamps = {row.dead_letter_id: row.stamp for row in rows}
    ready = [one for one in found if one.message is not None]
    ours: set[str] = set()
    for start in range(0, len(ready), AT_ONCE):
        part = {one.dead_letter_id: one for one in ready[start : start + AT_ONCE]}
        with _decisions(desk).holding({name: stamps[name] for name in part}, by=by, why=why) as taken:
            desk.send_back([part[row.dead_letter_id] for row in taken], by=by, why=why, per_second=per_second)
            ours |= {row.dead_letter_id for row in taken}
    return tuple(one if one.message is None or one.dead_letter_id in ours else _came_late(one) for one in found)


def _came_late(one: Replayable) -> Replayable:
    return replace(one, message=None, refusal="it changed meanwhile: look at it again")


def _decisions(desk: LetterDesk) -> Decisions:
    return Decisions(tables=desk.tables, actions=desk)
