from __future__ import annotations

import threading
from pathlib import Path

import pytest

from claimx_lib.errors import KafkaError
from claimx_lib.operations.decisions import Conflict, Decisions
from claimx_lib.operations.review import LetterFilter, letter_row, letters_wanted
from tests.fakes.console import Recorded
from tests.fakes.warehouse import Tables, letter, letter_id


class Broken(Recorded):
    """Actions on a day without a broker."""

    def resolve(self, dead_letter_id: str, project_id: int, *, by: str, why: str) -> None:
        raise KafkaError(f"no broker for {dead_letter_id} {project_id} {by} {why}")


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create("dead_letters")
    made.append("dead_letters", [letter(n) for n in range(6)])
    return made


def stamp(tables: Tables, name: object) -> str:
    return letter_row(tables.sql, letter_id(name)).stamp


def test_the_second_person_is_told_and_does_nothing(tables: Tables) -> None:
    """Of two people who saw the same letter the first decides; the second learns who and why, and no action is taken."""
    actions = Recorded()
    seen = stamp(tables, 1)
    for_ana, for_bo = (Decisions(tables=tables.sql, actions=actions) for _ in range(2))
    for_ana.resolve(letter_id(1), seen, 55, by="Ana", why="it's hers")
    with pytest.raises(Conflict, match="Ana decided it already: it's hers"):
        for_bo.resolve(letter_id(1), seen, 56, by="Bo", why="no, mine")
    assert actions.done == [("resolve", letter_id(1), 55, "Ana", "it's hers")]
    assert letter_row(tables.sql, letter_id(1)).by == "Ana"


def test_of_many_at_once_one_decides(tables: Tables) -> None:
    """Simultaneous decisions, even with the same name and reason, act once."""
    actions, conflicts = Recorded(), []
    decisions, seen = Decisions(tables=tables.sql, actions=actions), stamp(tables, 2)

    def decide() -> None:
        try:
            decisions.resolve(letter_id(2), seen, 55, by="Ana", why="double click")
        except Conflict as conflict:
            conflicts.append(conflict)

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(actions.done), len(conflicts)) == (1, 3)


def test_a_decision_that_fails_lets_the_letter_go(tables: Tables) -> None:
    """Without a broker nothing is saved: the letter is as it was, and may be decided again."""
    seen = stamp(tables, 3)
    with pytest.raises(KafkaError):
        Decisions(tables=tables.sql, actions=Broken()).resolve(letter_id(3), seen, 55, by="Ana", why="w")
    assert stamp(tables, 3) == seen


def test_in_bulk_what_others_touched_is_left_and_told(tables: Tables) -> None:
    """A bulk decision acts on the letters that are as they were shown, and names the others."""
    actions = Recorded()
    decisions = Decisions(tables=tables.sql, actions=actions)
    stamps = {row.dead_letter_id: row.stamp for row in letters_wanted(tables.sql, LetterFilter(), limit=4)}
    first, *rest = stamps
    decisions.discard({first: stamps[first]}, by="Bo", why="test data")
    decided = decisions.replay(stamps, by="Ana", why="fixed")
    assert decided.done == 3
    assert [row.dead_letter_id for row in decided.left] == [first]
    assert [call[0] for call in actions.done] == ["discard", "replay"]
    assert set(actions.done[1][1]) == set(rest)  # type: ignore[arg-type]


def test_a_stamp_of_another_letter_opens_nothing(tables: Tables) -> None:
    """A made-up or mixed-up stamp is a conflict, and a letter that is settled stays settled."""
    actions = Recorded()
    decisions = Decisions(tables=tables.sql, actions=actions)
    with pytest.raises(Conflict):
        decisions.resolve(letter_id(4), stamp(tables, 5), 55, by="Ana", why="w")
    tables.sql.update("dead_letters", {"state": "'RESOLVED'"}, f"dead_letter_id = '{letter_id(5)}'")
    assert decisions.replay({letter_id(5): stamp(tables, 5)}, by="Ana", why="w").done == 0
    assert actions.done == []


def test_a_letter_that_the_pipeline_takes_up_meanwhile_is_not_said_to_be_discarded(tables: Tables) -> None:
    """Between taking and closing it a mapping may send it back: then it is left, and told as it is."""

    class Overtaken(Recorded):
        def discard(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> int:
            tables.sql.update("dead_letters", {"state": "'REPLAYED'"}, f"dead_letter_id = '{dead_letter_ids[0]}'")
            return super().discard(dead_letter_ids[1:], by=by, why=why)

    stamps = {letter_id(n): stamp(tables, n) for n in (1,)}
    decided = Decisions(tables=tables.sql, actions=Overtaken()).discard(stamps, by="Ana", why="test data")
    assert decided.done == 0
    assert [(row.dead_letter_id, row.state) for row in decided.left] == [(letter_id(1), "REPLAYED")]
