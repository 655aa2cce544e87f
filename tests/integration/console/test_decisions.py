from __future__ import annotations

import re
from datetime import timedelta

import pytest

from claimx_lib.console.security import Gate
from claimx_lib.errors import KafkaError, UsageError
from tests.fakes.warehouse import NOW, letter, letter_id


@pytest.fixture(autouse=True)
def _letters(tables) -> None:
    tables.append("dead_letters", [letter(n) for n in range(4)])
    tables.append("dead_letters", [letter("done", state="RESOLVED", by="Bo")])


def compared(browser, claimx, name=1):
    """The form beside a project, filled in."""
    claimx.control.put_project(55, "123456")
    fields = browser.opened(f"/letters/{letter_id(name)}/compare?project=55")
    return {**fields, "by": "Ana", "why": "same address"}


def test_a_mapping_is_saved_and_the_letter_sent_back_in_one_action(browser, actions, claimx) -> None:
    """One form: project, who and why; the page then shows how far it has come."""
    answer = browser.submit(f"/letters/{letter_id(1)}/resolve", compared(browser, claimx))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/letters/{letter_id(1)}?done=resolved")
    assert actions.done == [("resolve", letter_id(1), 55, "Ana", "same address")]
    page = browser.get(answer.headers["location"]).text
    assert "The decision is saved" in page
    assert "waiting for mapping_sync" in page


def test_the_second_of_two_people_is_told(browser, actions, claimx) -> None:
    """Both opened the letter; the one who comes second learns who decided and why, and changes nothing."""
    first = compared(browser, claimx)
    second = {**first, "by": "Bo", "why": "another"}
    browser.submit(f"/letters/{letter_id(1)}/resolve", first)
    answer = browser.submit(f"/letters/{letter_id(1)}/resolve", second)
    assert answer.status_code == 409
    assert "Ana decided it already: same address" in answer.text
    assert len(actions.done) == 1


@pytest.mark.parametrize(
    ("failure", "status"), [(KafkaError("no broker answers"), 503), (UsageError("it is no use"), 422)]
)
def test_a_decision_that_can_not_be_carried_out_is_told(browser, actions, claimx, failure, status) -> None:
    """What is wrong stands on the page, the letter is as it was, and the same form works once it is mended."""
    fields, actions.failure = compared(browser, claimx), failure
    answer = browser.submit(f"/letters/{letter_id(1)}/resolve", fields)
    assert (answer.status_code, str(failure) in answer.text) == (status, True)
    actions.failure = None
    assert browser.submit(f"/letters/{letter_id(1)}/resolve", fields).status_code == 303


def test_only_letters_that_wait_for_a_project_ask_for_one(browser, tables) -> None:
    """A letter of another reason or pipeline offers no project."""
    tables.append("dead_letters", [letter("r", reason="task-rejected"), letter("t", pipeline="task_tracking")])
    for name, offers in ((1, True), ("r", False), ("t", False)):
        assert ("Which project is it?" in browser.get(f"/letters/{letter_id(name)}").text) is offers


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_one_letter_is_sent_back_or_discarded(browser, actions, action) -> None:
    """Each asks for who and why, and a second try is told."""
    fields = {**browser.opened(f"/letters/{letter_id(1)}"), "by": "Ana", "why": "w"}
    assert browser.submit(f"/letters/{letter_id(1)}/{action}", fields).status_code == 303
    assert browser.submit(f"/letters/{letter_id(1)}/{action}", fields).status_code == 409
    assert actions.done == [(action, (letter_id(1),), "Ana", "w")]


def preview(browser, **fields):
    return browser.submit("/letters/preview", {**browser.opened("/"), **fields})


def test_a_bulk_decision_is_previewed_and_then_made(browser, actions) -> None:
    """The preview counts letters and tasks and changes nothing; its form then reaches exactly those letters."""
    shown = preview(browser, action="replay", id=[letter_id(1), letter_id(2), letter_id("done")])
    assert "1 of those selected is settled already" in shown.text
    assert re.search(r"Up to 2\s+tasks", shown.text)
    assert actions.done == []
    fields = dict(re.findall(r'name="(csrf|action|items)" value="([^"]*)"', shown.text))
    answer = browser.submit("/letters/bulk", {**fields, "by": "Ana", "why": "mended"})
    assert answer.headers["location"] == "/?done=replayed&n=2&left=0"
    assert actions.done == [("replay", (letter_id(1), letter_id(2)), "Ana", "mended")]
    assert "2 letters: Sent back" in browser.get(answer.headers["location"]).text


def test_where_no_task_is_made_each_preview_says_so(opened, claimx) -> None:
    """In shadow mode nobody decides for the sake of tasks that don't come."""
    browser = opened(Gate(host="127.0.0.1", port=8765), sets=["jobs.task_creation.mode=shadow"])
    claimx.control.put_project(55, "123456")
    shown = preview(browser, action="replay", id=[letter_id(1)]).text
    pages = [browser.get(f"/letters/{letter_id(1)}{part}").text for part in ("", "/compare?project=55")]
    for page in (shown, *pages):
        text = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))
        assert re.search(r"0 tasks [^.]*\(jobs\.task_creation\.mode is shadow\)", text)


def test_all_that_match_are_those_of_the_filters(browser) -> None:
    """All that match means the filters of the page, whatever is ticked."""
    shown = preview(browser, action="discard", all="1", filter="q=evt-3")
    assert "Discard 1 letter?" in re.sub(r"\s+", " ", shown.text)


def test_all_that_match_are_the_open_ones(browser, tables, monkeypatch) -> None:
    """Where settled letters are listed too, and are older, the limit is of open ones; of settled ones alone there are none."""
    monkeypatch.setattr("claimx_lib.console.decisions.MOST_AT_ONCE", 3)
    old = [letter(f"old{n}", state="RESOLVED", by="Bo", opened_at=NOW - timedelta(days=9)) for n in range(60)]
    tables.append("dead_letters", old)
    assert "all 4 open ones that match" in browser.get("/?state=").text
    shown = re.sub(r"\s+", " ", preview(browser, action="replay", all="1", filter="state=").text)
    assert "Send back 3 letters?" in shown
    assert "3 at a time: these are the oldest" in shown
    assert 'name="all"' not in browser.get("/?state=RESOLVED").text
    assert preview(browser, action="replay", all="1", filter="state=RESOLVED").status_code == 422


@pytest.mark.parametrize("fields", [{"action": "replay"}, {"action": "drop", "id": "x"}, {"id": "x"}])
def test_a_preview_of_nothing_says_so(browser, fields) -> None:
    """No letter ticked, or no such action: told, nothing done."""
    assert preview(browser, **fields).status_code == 422


def test_a_bulk_decision_names_those_that_were_left(browser, actions) -> None:
    """What somebody touched since the preview is left, and the page says how many."""
    shown = preview(browser, action="discard", id=[letter_id(1), letter_id(2)])
    fields = dict(re.findall(r'name="(csrf|action|items)" value="([^"]*)"', shown.text))
    other = {**browser.opened(f"/letters/{letter_id(2)}"), "by": "Bo", "why": "mine"}
    browser.submit(f"/letters/{letter_id(2)}/replay", other)
    answer = browser.submit("/letters/bulk", {**fields, "by": "Ana", "why": "old"})
    assert answer.headers["location"] == "/?done=discarded&n=1&left=1"
    assert "1 were left" in browser.get(answer.headers["location"]).text
    assert actions.done[-1] == ("discard", (letter_id(1),), "Ana", "old")
