"""A person's decision about dead letters: taken once, by somebody, for a reason, and not over another's head."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from claimx_lib.connectors.delta_sql import DeltaSql, any_of, literal
from claimx_lib.errors import ClaimxError
from claimx_lib.operations.review import TABLE, LetterRow, letter_row, letters_by_id


class Conflict(ClaimxError):
    """Somebody else has done something with the letter since it was shown; `letter` is how it is now."""

    def __init__(self, letter: LetterRow) -> None:
        who = letter.by or "The pipeline"
        why = f": {letter.why}" if letter.why else ""
        done = (
            "decided it already" if letter.state == "OPEN" else f"was faster, the letter is {letter.state.lower()} now"
        )
        super().__init__(
            f"{who} {done}{why}",
            cure="look at it again before you decide; nothing of yours was saved",
        )
        self.letter = letter


class LetterActions(Protocol):
    """What can be done with letters; each action keeps who and why with them."""

    def refusals(self, dead_letter_ids: Sequence[str]) -> Mapping[str, str]:
        """Why letters can't go back as they are, by id; one that can is not among them."""
        ...

    def resolve(self, dead_letter_id: str, project_id: int, *, by: str, why: str) -> None:
        """The project of the letter's claim, for good; its arrival in the mapping sends the letter back, and with
        `auto_recover` the claim's other open ones.
        """
        ...

    def replay(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> None:
        """Back into the flow as they are."""
        ...

    def discard(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> int:
        """Closed, those that are open, and nothing is made of them; how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How many letters a decision reached, and those that somebody else had touched meanwhile."""

    done: int
    left: tuple[LetterRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Decisions on letters as they were shown: a stamp (`LetterRow.stamp`) that no longer fits is a Conflict.

    First the letter is taken, by one conditional commit that a second person's can't also make; then it is acted
    upon; where that fails the letter is let go again.
    """

    tables: DeltaSql
    actions: LetterActions
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def resolve(self, dead_letter_id: str, stamp: str, project_id: int, *, by: str, why: str) -> None:
        """Save the mapping of the letter's claim, which sends its letters back."""
        letter = self._taken(dead_letter_id, stamp, by=by, why=why)
        with _let_go_on_failure(self.tables, (letter,), by=by, why=why):
            self.actions.resolve(dead_letter_id, project_id, by=by, why=why)

    def replay(self, stamps: Mapping[str, str], *, by: str, why: str) -> Decided:
        """Send letters back; those that others have touched are left and told."""
        taken, left = self._taken_of(stamps, by=by, why=why)
        if taken:
            with _let_go_on_failure(self.tables, taken, by=by, why=why):
                self.actions.replay(tuple(row.dead_letter_id for row in taken), by=by, why=why)
        return Decided(done=len(taken), left=left)

    def discard(self, stamps: Mapping[str, str], *, by: str, why: str) -> Decided:
        """Close letters; those that others have touched, or that the pipeline has taken up since, are left and told."""
        taken, left = self._taken_of(stamps, by=by, why=why)
        if not taken:
            return Decided(done=0, left=left)
        ids = tuple(row.dead_letter_id for row in taken)
        with _let_go_on_failure(self.tables, taken, by=by, why=why):
            done = self.actions.discard(ids, by=by, why=why)
        now = letters_by_id(self.tables, ids) if done < len(ids) else ()
        return Decided(done=done, left=(*left, *(row for row in now if row.state != "DISCARDED")))

    @contextmanager
    def holding(self, stamps: Mapping[str, str], *, by: str, why: str) -> Iterator[tuple[LetterRow, ...]]:
        """Take letters that are as they were shown, hand them out, and let them go where what is done with them fails."""
        taken, _ = self._taken_of(stamps, by=by, why=why)
        with _let_go_on_failure(self.tables, taken, by=by, why=why):
            yield taken

    def _taken(self, dead_letter_id: str, stamp: str, *, by: str, why: str) -> LetterRow:
        taken, left = self._taken_of({dead_letter_id: stamp}, by=by, why=why)
        if left or not taken:
            raise Conflict(left[0] if left else letter_row(self.tables, dead_letter_id))
        return taken[0]

    def _taken_of(
        self, stamps: Mapping[str, str], *, by: str, why: str
    ) -> tuple[tuple[LetterRow, ...], tuple[LetterRow, ...]]:
        seen = letters_by_id(self.tables, tuple(stamps))
        fit = tuple(row for row in seen if row.state == "OPEN" and row.stamp == stamps[row.dead_letter_id])
        left = tuple(row for row in seen if row not in fit)
        if not fit:
            return (), left
        values = {'"by"': literal(by), "why": literal(why)}
        with self.lock:
            changed = self.tables.update(TABLE, values, _as_seen(fit))
        if changed == len(fit):
            return fit, left
        return self._really_taken(fit if changed else (), fit, left, by=by, why=why)

    def _really_taken(
        self,
        hoped: tuple[LetterRow, ...],
        wanted: tuple[LetterRow, ...],
        left: tuple[LetterRow, ...],
        *,
        by: str,
        why: str,
    ) -> tuple[tuple[LetterRow, ...], tuple[LetterRow, ...]]:
        """Between looking and taking somebody came: sort out who has which."""
        now = letters_by_id(self.tables, tuple(row.dead_letter_id for row in wanted))
        marked = {row.dead_letter_id for row in now if (row.state, row.by, row.why) == ("OPEN", by, why)}
        ours = tuple(row for row in hoped if row.dead_letter_id in marked)
        taken = {row.dead_letter_id for row in ours}
        return ours, (*left, *(row for row in now if row.dead_letter_id not in taken))


@contextmanager
def _let_go_on_failure(tables: DeltaSql, letters: tuple[LetterRow, ...], *, by: str, why: str) -> Iterator[None]:
    """Let letters go, as they were, where acting upon them fails."""
    try:
        yield
    except BaseException:
        for before in {(row.by, row.why) for row in letters}:
            ids = any_of("dead_letter_id", tuple(row.dead_letter_id for row in letters if (row.by, row.why) == before))
            mark = f'"by" = {literal(by)} AND why = {literal(why)}'
            values = {'"by"': _or_null(before[0]), "why": _or_null(before[1])}
            tables.update(TABLE, values, f"{ids} AND state = 'OPEN' AND {mark}")
        raise


def _or_null(text: str) -> str:
    return literal(text) if text else "NULL"


def _as_seen(rows: Iterable[LetterRow]) -> str:
    """The condition that no letter has changed since it was read."""
    told = (
        f"(dead_letter_id = {literal(row.dead_letter_id)} AND coalesce(\"by\", '') = {literal(row.by)} "
        f"AND coalesce(why, '') = {literal(row.why)} AND coalesce(replay_count, 0) = {row.replay_count})"
        for row in rows
    )
    return f"state = 'OPEN' AND ({' OR '.join(told)})"
