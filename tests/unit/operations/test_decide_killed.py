"""A process that dies amid a decision on the command line leaves its letter to the next person, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import ClaimxError
from claimx_lib.operations.decide_once import require_undecided, send_letters_back
from claimx_lib.operations.dlq import LetterDesk
from claimx_lib.operations.review import letter_row
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import Tables, letter, letter_id


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create("dead_letters")
    made.append("dead_letters", [letter(n) for n in range(2)])
    return made


def send_and_die(root: Path, told: Path | None) -> None:
    """Bob's process, which dies when it has taken the letter: before its message or, where it tells it, after."""

    def die(messages):
        if told is not None:
            told.write_text("".join(f"{message.topic}\n" for message in messages))
        os.kill(os.getpid(), signal.SIGKILL)

    tables = Tables(root)
    settings = load(sets=[f"storage.warehouse={root}"], environ={"CLAIMX_API_TOKEN": "t"})
    desk = LetterDesk(settings=settings, tables=tables.sql, send=die, clock=FakeClock())
    row = letter_row(tables.sql, letter_id(1))
    send_letters_back(desk, desk.replayable([row.dead_letter_id]), [row], by="bob", why="again")


@pytest.mark.parametrize("is_sent", [False, True], ids=["before the message", "after the message"])
def test_a_kill_between_taking_and_marking_leaves_the_letter_open_with_a_name(desk, tables, sent, tmp_path, is_sent):
    """The next person is told who took it; over that name the letter goes back, with the count that the first one had,
    so that a message that was out already is known downstream.
    """
    told = tmp_path / "told" if is_sent else None
    expected = desk.replayable([letter_id(1)])[0]
    process = multiprocessing.get_context("spawn").Process(target=send_and_die, args=(tables.root, told))
    process.start()
    process.join(60)
    row = letter_row(tables.sql, letter_id(1))
    assert process.exitcode == -signal.SIGKILL
    assert told is None or told.read_text() == f"{expected.message.topic}\n"
    assert (row.state, row.by, row.why) == ("OPEN", "bob", "again")
    with pytest.raises(ClaimxError, match="bob decided it already"):
        require_undecided(tables.sql, [row])
    (back,) = send_letters_back(desk, desk.replayable([row.dead_letter_id]), [row], by="ana", why="he is gone")
    assert (back.refusal, back.count) == ("", expected.count)
    assert sent == [expected.message]
    assert letter_row(tables.sql, letter_id(1)).state == "REPLAYED"
