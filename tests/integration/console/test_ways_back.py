"""Letters without a way back, on a desk that really sends: to a broker that only listens."""

from __future__ import annotations

import re

import pytest

from claimx_lib.config.load import load
from claimx_lib.operations.dlq import LetterDesk
from tests.fakes.console import FixedClock
from tests.fakes.warehouse import letter, letter_id

STUCK = {
    "trigger": ({"pipeline": "task_trigger", "reason": "undecodable"}, "give the tracking message with --value"),
    "looped": ({"replay_count": 5}, "it came back 5 times, and max_replays is 5"),
    "gone": ({"reason": "offsets-aged-out"}, "its record is gone"),
    "project": ({"pipeline": "mapping_sync", "source_topic": "claimx.events"}, "give one with --value"),
}


@pytest.fixture
def sent() -> list:
    return []


@pytest.fixture
def actions(tables, sent) -> LetterDesk:
    settings = load(environ={"CLAIMX_API_TOKEN": "x"})
    return LetterDesk(
        settings=settings, tables=tables.sql, send=lambda told: sent.extend(told) or 0, clock=FixedClock()
    )


@pytest.fixture(autouse=True)
def _letters(tables) -> None:
    stuck = [letter(name, **values) for name, (values, _) in STUCK.items()]
    tables.append("dead_letters", [*(letter(n) for n in range(3)), *stuck])


def previewed(browser, action, *names):
    shown = browser.submit(
        "/letters/preview", {**browser.opened("/"), "action": action, "id": list(map(letter_id, names))}
    )
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", shown.text)).replace("&#39;", "'")
    return dict(re.findall(r'name="(csrf|action|items)" value="([^"]*)"', shown.text)), text


def test_a_bulk_decision_sends_back_those_that_have_a_way(browser, tables, sent) -> None:
    """Those without one are counted with their reasons and left out before anybody decides; the others go."""
    fields, text = previewed(browser, "replay", *range(3), *STUCK)
    assert "Send back 3 letters?" in text
    assert "4 of those selected can't go back as they are and are left out (claimx dlq replay --value" in text
    assert all(f"{refusal} (1)" in text for _, refusal in STUCK.values())
    answer = browser.submit("/letters/bulk", {**fields, "by": "Ana", "why": "mended"})
    assert answer.headers["location"] == "/?done=replayed&n=3&left=0"
    assert len(sent) == 3
    left = tables.rows("dead_letters", "state = 'OPEN'")
    assert {row["dead_letter_id"] for row in left} == set(map(letter_id, STUCK))


def test_where_none_has_a_way_there_is_nothing_to_do(browser) -> None:
    """The preview says so and has no form."""
    fields, text = previewed(browser, "replay", *STUCK)
    assert "There is nothing left to do" in text
    assert "items" not in fields


def test_all_can_be_discarded(browser) -> None:
    """To close a letter it needs no way back."""
    assert "Discard 7 letters?" in previewed(browser, "discard", *range(3), *STUCK)[1]


@pytest.mark.parametrize("name", [*STUCK, 0])
def test_a_letter_offers_to_go_back_where_it_can(browser, name) -> None:
    """In place of the form stands why there is none; discarding is offered beside it either way."""
    page = browser.get(f"/letters/{letter_id(name)}").text
    assert (f"/letters/{letter_id(name)}/replay" in page) is (name == 0)
    assert f"/letters/{letter_id(name)}/discard" in page
    if name != 0:
        assert STUCK[name][1] in page
