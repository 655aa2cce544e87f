"""Every page of the console in a real browser: readable, usable by keyboard and on a phone, harmless, accessible."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from claimx_lib.config.load import load
from claimx_lib.console.desk import Desk
from claimx_lib.console.security import Gate
from claimx_lib.devstack.ports import free_port
from claimx_lib.operations.decisions import Decisions
from tests.fakes.claimx import FakeClaimX
from tests.fakes.console import FixedClock, Recorded
from tests.fakes.review_story import CLAIM, PROJECT, fill
from tests.fakes.warehouse import Tables, letter_id

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
SERIOUS = {"serious", "critical"}
PHONE = {"width": 390, "height": 844}
LETTER, EVIL = f"/letters/{letter_id('xact-2026-77120')}", f"/letters/{letter_id('evil')}"
PAGES = (
    "/",
    "/?view=claims",
    "/?q=nothing-like-it",
    LETTER,
    EVIL,
    f"{LETTER}/suggestions",
    f"{LETTER}/compare?project={PROJECT}",
    "/mapping",
    "/mapping/CLM-410007",
    "/tracking",
    "/tracking/tasks/80001",
    "/letters/nope",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory, serve) -> Iterator[str]:
    """The console over a morning's tables."""
    tables = fill(Tables(tmp_path_factory.mktemp("console")).create())
    claimx = FakeClaimX()
    known = {"project_name": "Whitfield kitchen", "insured_name": "Dana Whitfield", "carrier": "Plains Mutual"}
    claimx.control.put_project(PROJECT, "123456", address="418 Alder Street, Tulsa OK", status="open", **known)
    desk = Desk(
        settings=load(environ={"CLAIMX_API_TOKEN": "x"}),
        tables=tables.sql,
        gate=Gate(host="127.0.0.1", port=free_port()),
        clock=FixedClock(),
        api=lambda: claimx,
        decisions=Decisions(tables=tables.sql, actions=Recorded()),
    )
    with serve(desk) as url:
        yield url


def settled(page) -> None:
    """Everything that the page fetches by itself is there."""
    page.wait_for_function("() => !document.querySelector('.htmx-request') && typeof htmx !== 'undefined'")
    if page.locator("#suggestions").count():
        page.locator("a.suggestion, #suggestions > p:not(:has(a))").first.wait_for()


def compared(page) -> None:
    """The first suggestion is beside the claim."""
    settled(page)
    page.locator("a.suggestion").first.click()
    page.get_by_role("button", name="Save mapping and replay").wait_for()


@pytest.mark.parametrize(
    "window",
    [pytest.param({}, marks=pytest.mark.long), {**PHONE, "scheme": "dark"}],
    ids=["desktop-light", "phone-dark"],
)
def test_axe_finds_nothing_serious(base, visit: Callable, window) -> None:
    """No page has a serious or critical finding of axe-core, in both sizes and colour schemes, and none is too wide."""
    found, wide = {}, []
    page = visit(base, **window).page
    for path in PAGES:
        page.goto(base + path)
        settled(page)
        violations = Axe().run(page).response["violations"]
        serious = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in violations if v["impact"] in SERIOUS]
        found.update({path: serious} if serious else {})
        wide += [path] if page.evaluate("document.documentElement.scrollWidth > innerWidth") else []
    assert found == {}, json.dumps(found, indent=1)
    assert wide == []


def test_no_cell_runs_over_its_neighbour_on_a_phone(base, visit: Callable) -> None:
    """Lists, which are cards there, show each text within its own place."""
    page = visit(base, **PHONE).page
    over = {}
    for path in ("/", "/?view=claims", "/mapping", "/mapping/CLM-410007", "/tracking"):
        page.goto(base + path)
        settled(page)
        cells = page.locator("td").evaluate_all("all => all.filter(c => c.scrollWidth > c.clientWidth + 1)"
                                                ".map(c => c.innerText)")  # fmt: skip
        over.update({path: cells[:3]} if cells else {})
    assert over == {}


def test_hostile_letters_do_nothing(base, visit: Callable) -> None:
    """A payload of scripts and markup is shown as text: no dialog, no request, no refusal by the CSP needed."""
    seen = visit(base + EVIL)
    settled(seen.page)
    seen.page.goto(base)
    assert "taken" not in seen.page.title()
    assert seen.page.get_by_text("<script>document.title").first.is_visible()
    assert seen.complaints == []


def test_everything_works_by_keyboard(base, visit: Callable) -> None:
    """From the address bar: skip link, then every control with a visible focus, and a suggestion opened by Enter."""
    page = visit(base + LETTER).page
    settled(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("document.activeElement.matches('a.suggestion')"):
            break
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save mapping and replay").wait_for()
    assert page.evaluate("document.activeElement.id") == "h-compare"


def test_ticked_letters_are_counted_and_previewed(base, visit: Callable) -> None:
    """One tick for the whole page, its number said aloud, then a preview."""
    seen = visit(base + "/?reason=ambiguous-project")
    boxes = seen.page.locator("input[name=id]").count()
    seen.page.get_by_label("Select all on this page").check()
    assert seen.page.locator("[data-count]").text_content() == f"{boxes} selected"
    seen.page.get_by_role("button", name="Send back…").click()
    seen.page.get_by_role("heading", name=f"Send back {boxes} letters?").wait_for()
    assert seen.complaints == []


def test_a_page_without_scripts_works(base, chromium) -> None:
    """Without JavaScript the links and forms lead to the same pages."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + LETTER)
    page.get_by_role("link", name="Look for near spellings").click()
    page.locator("a.suggestion").first.click()
    assert page.get_by_role("button", name="Save mapping and replay").is_visible()
    assert page.get_by_role("heading", name=f"Claim {CLAIM} and project {PROJECT}").is_visible()
    context.close()


def test_pictures_for_the_documentation(base, visit: Callable, tmp_path: Path) -> None:
    """The pictures in docs/images are of these very pages; they are written with CLAIMX_SCREENSHOTS=1 alone."""
    is_wanted = os.environ.get("CLAIMX_SCREENSHOTS") == "1"
    folder = IMAGES if is_wanted else tmp_path
    shots = (
        ("console-letters", "/", {}, None),
        ("console-letter", LETTER, {"height": 1310}, compared),
        ("console-tracking", "/tracking", {"height": 1000}, settled),
        ("console-mapping", "/mapping/CLM-410007", {"height": 520}, settled),
        ("console-dark", LETTER, {"height": 1310, "scheme": "dark"}, compared),
        ("console-tracking-dark", "/tracking", {"height": 1000, "scheme": "dark"}, settled),
        ("console-phone", "/", PHONE, settled),
        ("console-phone-letter", LETTER, PHONE, compared),
    )
    for name, path, window, ready in shots if is_wanted else shots[:2]:
        page = visit(base + path, **window).page
        (ready or settled)(page)
        page.evaluate("window.scrollTo(0, 0); document.activeElement.blur()")
        if name == "console-phone-letter":
            page.locator("#decision").scroll_into_view_if_needed()
            page.evaluate("document.querySelector('#decision').scrollIntoView()")
        page.mouse.move(0, 0)
        page.screenshot(path=str(folder / f"{name}.png"))
        assert (folder / f"{name}.png").stat().st_size > 10_000
