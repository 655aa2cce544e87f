"""The command line decides about letters as the console does: once, and not over another person's head."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from claimx_lib.errors import ClaimxError, KafkaError
from claimx_lib.operations.decide_once import discard_letters, require_undecided, resolve_letter, send_letters_back
from claimx_lib.operations.decisions import Conflict, Decisions
from claimx_lib.operations.dlq import LetterDesk
from claimx_lib.operations.review import letter_row
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import Tables, letter, letter_id


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create("dead_letters")
    made.append("dead_letters", [letter(n) for n in range(4)])
    return made


def in_the_console(desk: LetterDesk, name: object) -> None:
    """Ana gives the letter's claim its project; until the mapping has it the letter stays open, with her name."""
    row = letter_row(desk.tables, letter_id(name))
    Decisions(tables=desk.tables, actions=desk).resolve(row.dead_letter_id, row.stamp, 55, by="Ana", why="phoned")


def test_a_decided_letter_is_refused_with_who_and_when(desk):
    """One line names the person, the minute and the cure; what the pipeline took up by itself is nobody's decision."""
    in_the_console(desk, 1)
    before, row = datetime.now(UTC), letter_row(desk.tables, letter_id(1))
    minutes = {f"{at:%Y-%m-%d %H:%M} UTC" for at in (before, datetime.now(UTC))}
    with pytest.raises(ClaimxError) as caught:
        require_undecided(desk.tables, [letter_row(desk.tables, letter_id(0)), row])
    told = str(caught.value)
    assert told.startswith(f"dead letter {letter_id(1)[:12]}: Ana decided it already at ")
    assert any(minute in told for minute in minutes)
    assert "--even-if-decided" in caught.value.cure
    desk.tables.update("dead_letters", {'"by"': "'auto_recover'"}, f"dead_letter_id = '{letter_id(2)}'")
    require_undecided(desk.tables, [letter_row(desk.tables, letter_id(n)) for n in (0, 2)])


def test_who_comes_second_publishes_nothing(desk, sent):
    """Between reading and acting the first person decides: the second learns of it, and no second decision is sent."""
    read = letter_row(desk.tables, letter_id(1))
    in_the_console(desk, 1)
    assert len(sent) == 1
    with pytest.raises(Conflict, match="Ana decided it already"):
        resolve_letter(desk, read, 56, by="bob", why="mine")
    assert discard_letters(desk, [read], by="bob", why="mine") == 0
    found = desk.replayable([read.dead_letter_id])
    (told,) = send_letters_back(desk, found, [read], by="bob", why="mine")
    assert (told.message, told.refusal) == (None, "it changed meanwhile: look at it again")
    assert len(sent) == 1
    row = letter_row(desk.tables, letter_id(1))
    assert (row.state, row.by, row.why) == ("OPEN", "Ana", "phoned")


def test_who_has_seen_the_decision_may_put_another_over_it(desk, sent):
    """With the letter read as it is now, decided, the new decision takes its place."""
    in_the_console(desk, 1)
    resolve_letter(desk, letter_row(desk.tables, letter_id(1)), 56, by="bob", why="the adjuster called back")
    assert len(sent) == 2
    assert letter_row(desk.tables, letter_id(1)).by == "bob"


def test_letters_are_taken_before_they_are_sent_and_let_go_where_that_fails(desk, tables):
    """While messages are on their way the letters carry the name; without a broker they are as they were."""
    rows = [letter_row(tables.sql, letter_id(n)) for n in (1, 2)]
    found = desk.replayable([row.dead_letter_id for row in rows])

    def refuse(_):
        assert {letter_row(tables.sql, row.dead_letter_id).by for row in rows} == {"bob"}
        raise KafkaError("no broker answers")

    broken = LetterDesk(settings=desk.settings, tables=tables.sql, send=refuse, clock=FakeClock())
    with pytest.raises(KafkaError):
        send_letters_back(broken, found, rows, by="bob", why="again")
    assert [letter_row(tables.sql, row.dead_letter_id) for row in rows] == rows
    told = send_letters_back(desk, found, rows, by="bob", why="again")
    assert [one.refusal for one in told] == ["", ""]
    assert [letter_row(tables.sql, row.dead_letter_id).state for row in rows] == ["REPLAYED", "REPLAYED"]
