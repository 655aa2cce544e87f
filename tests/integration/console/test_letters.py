from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.fakes.warehouse import NOW, letter, letter_id, mapping, project


@pytest.fixture(autouse=True)
def _letters(tables) -> None:
    letters = [letter(n, opened_at=NOW - timedelta(hours=n), claim_number=f"CLM-{n % 40}0001") for n in range(60)]
    tables.append("dead_letters", [*letters, letter("u", reason="undecodable", claim_number=None, event_id=None)])
    tables.append("claimx_projects", [project(55, "10001", key="10001", name="Whitfield kitchen")])


def test_the_list_counts_filters_and_pages(browser) -> None:
    """Counts of every reason, a page of fifty, and the next page by a link that keeps the filters."""
    page = browser.get("/?reason=project-not-found")
    assert page.status_code == 200
    assert "60 open letters" in page.text
    assert page.text.count('name="id"') == 50
    following = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert following is not None
    rest = browser.get(following[1].replace("&amp;", "&"))
    assert rest.text.count('name="id"') == 10


@pytest.mark.parametrize("state", ["", "OPEN", "RESOLVED"])
def test_a_search_stays_in_its_state(browser, state) -> None:
    """The filter form carries the chosen state along, also that of all states, which is empty."""
    form = re.search(r'<form class="filters".*?</form>', browser.get(f"/?state={state}").text, re.DOTALL)
    assert form is not None
    assert re.findall(r'name="state" value="([^"]*)"', form[0]) == [state]


def test_letters_are_grouped_by_claim(browser) -> None:
    """A claim's letters stand together, and lead to its own list."""
    page = browser.get("/?view=claims")
    assert page.text.count("/?claim=CLM") + page.text.count("claim=CLM") >= 40
    assert browser.get("/?claim=CLM00001").text.count('name="id"') == 2


@pytest.mark.parametrize(
    "query",
    [
        *("page=999999", "page=-1", "page=x", "page=²", f"page={'9' * 5000}", "since=x", "since=99999", "since=²"),
        *("state=NOPE", "view=x", "reason=x", "q=%00'%22"),
        *(f"done=replayed&{name}={text}" for name in ("n", "left") for text in ("²", "9" * 5000)),
    ],
)
def test_odd_addresses_are_answered(browser, query) -> None:
    """No address makes the list fail."""
    assert browser.get(f"/?{query}").status_code == 200


def test_a_letter_offers_suggestions_and_compares(browser, claimx) -> None:
    """From the letter to ranked projects, to the project's own data, to how many tasks it makes."""
    claimx.control.put_project(55, "10001", insured_name="Dana Whitfield")
    path = f"/letters/{letter_id(1)}"
    assert "Which project is it?" in browser.get(path).text
    offered = browser.get(f"{path}/suggestions", headers={"hx-request": "true"})
    assert "the same digits without the letters CLM" in offered.text
    assert "<html" not in offered.text
    beside = browser.get(f"{path}/compare?project=55")
    assert "<html" in beside.text
    assert "Dana Whitfield" in beside.text
    assert re.search(r"<strong>2\s+tasks</strong> will be made in project 55", beside.text)


def test_a_project_that_is_not_there_can_not_be_chosen(browser) -> None:
    """Where ClaimX answers 404 there is nothing to save."""
    page = browser.get(f"/letters/{letter_id(1)}/compare?project=56").text
    assert "ClaimX has no project 56" in page
    assert "Save mapping" not in page


def test_an_unreachable_claimx_is_told(browser, claimx) -> None:
    """A person may decide without ClaimX, and is told that it could not be asked."""
    claimx.transport.is_refusing = True
    page = browser.get(f"/letters/{letter_id(1)}/compare?project=55").text
    assert "could not be asked" in page
    assert "Save mapping" in page


@pytest.mark.parametrize("project_id", ["", "0", "-1", "1e3", "../admin", "٣", "²", "9" * 30, "9" * 5000])
def test_only_project_ids_are_asked_for(browser, claimx, project_id) -> None:
    """What is no project id never reaches ClaimX."""
    answer = browser.get(f"/letters/{letter_id(1)}/compare", params={"project": project_id})
    assert answer.status_code == 422
    assert claimx.control.requests() == []


def test_an_existing_mapping_is_shown_before_it_is_replaced(browser, tables, claimx) -> None:
    """Nobody overrules a mapping without having seen it."""
    claimx.control.put_project(55, "10001")
    tables.append("claim_project_mapping", [mapping("CLM-10001", 54, key="CLM10001")])
    page = browser.get(f"/letters/{letter_id(1)}/compare?project=55").text
    assert "mapped to project 54 now (claimx" in page


def test_a_mapping_in_another_spelling_is_shown_with_it(browser, tables, claimx) -> None:
    """What ClaimX writes without the dash is this claim's project too, and the pages say how it is written there."""
    claimx.control.put_project(55, "10001")
    tables.append("claim_project_mapping", [mapping("CLM10001", 54, key="CLM10001")])
    page = browser.get(f"/letters/{letter_id(1)}/compare?project=55").text
    assert "mapped to project 54 now (as <bdi>CLM10001</bdi>" in page
    claim = browser.get("/mapping/CLM-10001").text
    assert "Project 54" in claim
    assert "as <bdi>CLM10001</bdi>" in claim


def test_a_stale_page_says_so(browser, tables) -> None:
    """A page that is open while its table or letter changes is told."""
    version = tables.sql.version("dead_letters")
    assert "has changed" not in browser.get(f"/freshness?table=dead_letters&version={version}").text
    assert "has changed" in browser.get(f"/freshness?table=dead_letters&version={version - 1}").text
    assert browser.get("/freshness?table=..%2Fsecret&version=1").status_code == 422
    assert "has changed" in browser.get(f"/letters/{letter_id(1)}/freshness?stamp=old").text


@pytest.mark.parametrize(
    "path",
    [
        *("/letters/nope", "/letters/nope/payload", "/nothing"),
        *("/tracking/tasks/1", "/tracking/tasks/x", "/tracking/tasks/²", f"/tracking/tasks/{'9' * 5000}"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(browser, path) -> None:
    """A wrong address is answered with 404, a sentence and a way back."""
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "Back to the dead letters" in answer.text


def test_absent_tables_are_told_with_the_cure(browser, tables) -> None:
    """Before `claimx tables create` the page says what to do, and no traceback."""
    for table in tables.root.iterdir():
        table.rename(table.with_name(f"gone-{table.name}"))
    answer = browser.get("/")
    assert (answer.status_code, "run claimx tables create" in answer.text) == (503, True)


def test_the_mapping_pages_show_claim_and_history(browser, tables) -> None:
    """A search leads to a claim, and the claim to every change with who and why."""
    tables.append("claim_project_mapping", [mapping("CLM/1 ?#", 54, key="CLM/1 ?#", source="manual")])
    change = {"event_id": "h", "claim_number": "CLM/1 ?#", "claim_key": "CLM/1 ?#", "to": 54, "source": "manual"}
    tables.append(
        "claim_project_mapping_history", [{**change, "by": "Ana", "why": "phoned", "outcome": "accepted", "at": NOW}]
    )
    found = browser.get("/mapping", params={"q": "CLM/1"}).text
    link = re.search(r'class="main" href="(/mapping/[^"]+)"', found)
    assert link is not None
    page = browser.get(link[1]).text
    assert "Project 54" in page
    assert "phoned" in page


def test_each_claim_of_a_conflict_leads_to_its_page(browser, tables) -> None:
    """Two spellings that differ in case alone are two claims, and both are shown."""
    tables.append("claim_project_mapping", [mapping("ABC123", 1, key="ABC123"), mapping("abc123", 2, key="ABC123")])
    row = re.search(r'<td data-label="Claim">.*?How they meet', browser.get("/mapping").text, re.DOTALL)
    assert row is not None
    assert re.findall(r'href="(/mapping/[^"]+)"', row[0]) == ["/mapping/ABC123", "/mapping/abc123"]


def test_the_export_holds_every_wanted_letter(browser) -> None:
    """The CSV has the filters of the page, not its paging."""
    answer = browser.get("/export.csv?reason=project-not-found")
    assert len(answer.text.splitlines()) == 61
    assert answer.headers["content-disposition"].startswith("attachment")


def test_what_a_page_leaves_out_is_told(browser, tables) -> None:
    """More letters of a claim, and more conflicts, than a page shows: it says so, and where the rest is."""
    tables.append("dead_letters", [letter(f"m{n}", claim_number="MANY-1") for n in range(21)])
    page = browser.get("/mapping/MANY-1").text
    assert page.count('href="/letters/') == 20
    assert '<a href="/?state=&amp;claim=MANY1">All 21</a>' in page
    rows = [mapping(f"{letters}{n}", n, key=f"K{n}") for n in range(51) for letters in ("K", "k")]
    tables.append("claim_project_mapping", [{**row, "project_id": at} for at, row in enumerate(rows)])
    page = browser.get("/mapping").text
    assert "The first 50; there are more" in page
    assert page.count('data-label="How they meet"') == 50


def test_an_export_that_is_cut_says_so(browser, monkeypatch) -> None:
    """The link and the file's name tell that it holds the oldest letters alone."""
    for module in ("exports", "letters"):
        monkeypatch.setattr(f"claimx_lib.console.{module}.MOST_EXPORTED", 60)
    assert "Export the oldest 60 as CSV" in browser.get("/").text
    answer = browser.get("/export.csv")
    assert len(answer.text.splitlines()) == 61
    assert 'filename="dead-letters-oldest-60.csv"' in answer.headers["content-disposition"]
    assert 'filename="dead-letters.csv"' in browser.get("/export.csv?reason=undecodable").headers["content-disposition"]


def test_an_export_holds_texts_whole(browser, tables) -> None:
    """What a page cuts, the file has."""
    tables.append("dead_letters", [letter("long", reason="odd", error="x" * 5_000, claim_number="C" * 500)])
    text = browser.get("/export.csv?reason=odd").text
    assert "x" * 5_000 in text
    assert "C" * 500 in text
