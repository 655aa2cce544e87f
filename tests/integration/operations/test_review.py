from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from claimx_lib.errors import NotFound, TableError
from claimx_lib.operations.review import (
    Facet,
    LetterFilter,
    claim_groups,
    letter_page,
    letter_row,
    letters_by_id,
    letters_wanted,
)
from tests.fakes.warehouse import NOW, Tables, letter, letter_id


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create("dead_letters")
    letters = [letter(n, opened_at=NOW - timedelta(hours=n)) for n in range(5)]
    letters.append(letter("u", reason="undecodable", claim_number=None, event_id=None, pipeline="task_trigger"))
    letters.append(letter("r", state="RESOLVED", claim_number="abc123456", opened_at=NOW - timedelta(days=9)))
    made.append("dead_letters", letters)
    return made


def test_a_page_has_its_rows_and_the_counts_around_it(tables: Tables) -> None:
    """Rows come newest first; each count leaves its own filter out and keeps the others."""
    page = letter_page(tables.sql, LetterFilter(reason="project-not-found"), offset=1, limit=2)
    assert [row.dead_letter_id for row in page.rows] == [letter_id(1), letter_id(2)]
    assert page.total == 5
    assert page.reasons == (Facet(value="project-not-found", count=5), Facet(value="undecodable", count=1))
    assert page.states == (Facet(value="OPEN", count=5), Facet(value="RESOLVED", count=1))
    assert page.oldest_at == NOW - timedelta(hours=4)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (LetterFilter(), 6),
        (LetterFilter(state=None), 7),
        (LetterFilter(since=NOW - timedelta(minutes=150)), 4),
        (LetterFilter(text="c-1234"), 5),
        (LetterFilter(text="evt-3"), 1),
        (LetterFilter(text=letter_id("u")[:10]), 1),
        (LetterFilter(pipeline="task_trigger"), 1),
        (LetterFilter(state=None, claim_key="ABC123456"), 6),
        (LetterFilter(text="' OR '1'='1"), 0),
        (LetterFilter(reason="x' OR true --"), 0),
    ],
)
def test_filters_find_what_they_say(tables: Tables, wanted: LetterFilter, count: int) -> None:
    """Each filter narrows to what it names; a value with quotes is a value."""
    assert letter_page(tables.sql, wanted).total == count
    assert len(letters_wanted(tables.sql, wanted, limit=100)) == count


def test_letters_are_grouped_by_claim_whatever_its_spelling(tables: Tables) -> None:
    """Spellings with one claim key are one claim; letters without a claim number are in no group."""
    groups, total = claim_groups(tables.sql, LetterFilter(state=None))
    assert total == 1
    assert (groups[0].claim_key, groups[0].letters) == ("ABC123456", 6)
    assert groups[0].spellings == ("ABC-123456", "abc123456")


def test_letters_are_found_by_id_in_the_order_asked(tables: Tables) -> None:
    """Unknown ids are left out, repeated ones come once."""
    asked = (letter_id(3), "nope", letter_id(1), letter_id(3))
    assert [row.dead_letter_id for row in letters_by_id(tables.sql, asked)] == [letter_id(3), letter_id(1)]
    assert letters_by_id(tables.sql, ()) == ()


def test_an_unknown_letter_is_said_to_be_unknown(tables: Tables) -> None:
    """A letter that is not there is an error with a cure, as is a table that is not there."""
    with pytest.raises(NotFound):
        letter_row(tables.sql, "nope")
    with pytest.raises(TableError, match="claimx tables create"):
        letter_page(Tables(tables.root / "elsewhere").sql, LetterFilter())


def test_a_stamp_changes_with_every_decision(tables: Tables) -> None:
    """Two letters, or one letter before and after a decision, never have one stamp."""
    before = letter_row(tables.sql, letter_id(1))
    tables.sql.update("dead_letters", {"why": "'x'"}, f"dead_letter_id = '{letter_id(1)}'")
    after = letter_row(tables.sql, letter_id(1))
    assert len({before.stamp, after.stamp, letter_row(tables.sql, letter_id(2)).stamp}) == 3


def test_texts_are_cut_in_pages_and_whole_where_they_are_wanted(tables: Tables) -> None:
    """A page of letters stays small whatever they hold; an export, a claim's story and a letter by itself lose nothing."""
    long = {"claim_number": "C" * 900, "event_id": "e" * 900, "error": "x" * 9_000}
    tables.append("dead_letters", [letter("long", **long, opened_at=NOW)])
    wanted = LetterFilter(text=letter_id("long"))
    (paged,) = letter_page(tables.sql, wanted).rows
    assert (len(paged.claim_number), len(paged.event_id), len(paged.error)) == (80, 120, 400)
    (listed,) = letters_wanted(tables.sql, wanted, limit=1, is_whole=True)
    assert listed == letter_row(tables.sql, letter_id("long"), is_whole=True)
    assert (listed.claim_number, listed.event_id, listed.error) == tuple(long.values())
    assert listed.stamp == paged.stamp
