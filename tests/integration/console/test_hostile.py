from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.fakes.warehouse import Tables, letter, letter_id, mapping, project

SCRIPT = "<script>alert('x')</script>"
MARKUP = '"><img src=x onerror=alert(1)>'
FORMULA = '=HYPERLINK("http://evil.example","click")'
REVERSED = "\u202egnp.exe\u202c\u200b"
HOSTILE = (
    SCRIPT,
    MARKUP,
    FORMULA,
    REVERSED,
    "{{ 7*7 }}",
    "javascript:alert(1)",
    "a" * 50_000,
    "\x00\x1b[31m",
    "' OR 1=1 --",
)
PAYLOAD = b'{"event_type": "<script>alert(1)</script>", "blob": "' + b"A" * 1_000_000 + b'"}'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables with all of it in every column, made once."""
    tables = Tables(tmp_path_factory.mktemp("hostile")).create()
    letters = [
        letter(n, claim_number=text, event_id=text, error=text, by=text, why=text, source_key=text, pipeline="task_creation",
               reason=text[:100], candidates=text[:100], raw_value=text.encode() if n else PAYLOAD,
               headers=[{"key": text, "value": text.encode()}])
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    tables.append("dead_letters", letters)
    tables.append("claimx_projects", [project(5, text[:60], key=text[:60], name=text[:200]) for text in HOSTILE])
    tables.append(
        "claim_project_mapping", [mapping(text[:60], 5, key=text[:60].upper(), source=text[:20]) for text in HOSTILE]
    )
    change = {"to": 5, "source": MARKUP, "by": SCRIPT, "why": MARKUP, "outcome": SCRIPT}
    tables.append(
        "claim_project_mapping_history",
        [{"event_id": str(n), "claim_number": t, "claim_key": t.upper(), **change} for n, t in enumerate(HOSTILE)],
    )
    return tables.root


@pytest.fixture(autouse=True)
def _hostile(tables: Tables, hostile: Path) -> None:
    shutil.copytree(hostile, tables.root, dirs_exist_ok=True)


def is_harmless(page: str) -> bool:
    """No markup of the payloads' own, no template carried out, nothing that turns the text around."""
    return not any(bad in page for bad in ("<script>alert", "<img", "\u202e", "\u200b", "\x00", "\x1b", ">49<"))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?view=claims",
        "/mapping",
        f"/?q={SCRIPT}",
        f"/?reason={MARKUP}",
        f"/mapping?q={MARKUP}",
        f"/mapping/{SCRIPT}",
        f"/tracking?q={MARKUP}",
        f"/tracking/tasks/{SCRIPT}",
        f"/letters/{SCRIPT}",
    ],
)
def test_lists_show_hostile_text_as_text(browser, path) -> None:
    """Whatever stands in a table or an address appears escaped, with unseen characters written out."""
    answer = browser.get(path)
    assert answer.status_code in {200, 404}
    assert is_harmless(answer.text)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
@pytest.mark.parametrize("part", ["", "/suggestions", "/compare?project=5", "/progress"])
def test_letters_show_hostile_text_as_text(browser, claimx, number, part) -> None:
    """The same for a letter, its suggestions, and ClaimX's own data."""
    claimx.control.put_project(5, SCRIPT, project_name=MARKUP, owner={"name": REVERSED})
    answer = browser.get(f"/letters/{letter_id(number)}{part}")
    assert answer.status_code == 200
    assert is_harmless(answer.text)


@pytest.mark.parametrize("part", ["", "/suggestions", "/compare?project=5", "/progress"])
@pytest.mark.parametrize("field", ["event_id", "event_type", "claim_number", "note"])
def test_half_of_a_surrogate_pair_is_written_out(browser, tables, claimx, field, part) -> None:
    """JSON may escape what no page could be encoded with: the letter opens, whichever field of it or of ClaimX has it."""
    claimx.control.put_project(5, "ABC-1", project_name="cut \ud83d")
    event = {"event_id": "e", "event_type": "ESTIMATE_CREATED", "claim_number": "ABC-1", field: "\ud83d cut"}
    tables.append(
        "dead_letters", [letter("half", claim_number="ABC-1", by="Ana", raw_value=json.dumps(event).encode())]
    )
    answer = browser.get(f"/letters/{letter_id('half')}{part}")
    assert answer.status_code == 200
    assert ("\\ud83d" in answer.text) is (part in {"", "/compare?project=5"})


def test_a_megabyte_is_cut_and_offered_whole(browser) -> None:
    """The page stays small; the bytes are a download that no browser takes for a page."""
    page = browser.get(f"/letters/{letter_id(0)}")
    assert len(page.text) < 100_000
    assert "more characters are in the download" in page.text
    whole = browser.get(f"/letters/{letter_id(0)}/payload")
    assert whole.content == PAYLOAD
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"].startswith("attachment")


def test_no_exported_cell_is_carried_out(browser) -> None:
    """Every cell of the export that a spreadsheet would take for a formula is marked as text."""
    rows = list(csv.reader(io.StringIO(browser.get("/export.csv").text)))
    cells = [cell for row in rows[1:] for cell in row]
    assert len(rows) == len(HOSTILE) + 1
    assert f"'{FORMULA}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_hostile_decisions_are_kept_as_text(browser, actions) -> None:
    """Who and why are data, also in the letter's own SQL."""
    fields = browser.opened(f"/letters/{letter_id(8)}")
    answer = browser.submit(f"/letters/{letter_id(8)}/discard", {**fields, "by": "O'Brien\\", "why": f"{SCRIPT} ' --"})
    assert answer.status_code == 303
    assert actions.done == [("discard", (letter_id(8),), "O'Brien\\", f"{SCRIPT} ' --")]
    assert is_harmless(browser.get(answer.headers["location"]).text)
