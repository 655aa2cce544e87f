from __future__ import annotations

from collections.abc import Callable

import pytest

from claimx_lib.console.security import HEADERS, Gate
from claimx_lib.domain.secret import Secret
from tests.fakes.warehouse import Tables, letter, letter_id

SHARED = "https://review.example.com"
WHO = "x-forwarded-email"


@pytest.fixture(autouse=True)
def _letters(tables: Tables) -> None:
    tables.append("dead_letters", [letter(n) for n in range(3)])


@pytest.fixture
def shared_gate() -> Gate:
    return Gate(
        host="0.0.0.0",  # noqa: S104 - behind a proxy
        port=8765,
        allowed_hosts=("review.example.com",),
        token=Secret("t0ken"),
        identity_header="X-Forwarded-Email",
    )


def decision(browser, **changes):
    """The fields of a discard, as the letter's page gives them."""
    return {**browser.opened(f"/letters/{letter_id(1)}"), "by": "Ana", "why": "test", **changes}


DISCARD = f"/letters/{letter_id(1)}/discard"


@pytest.mark.parametrize(
    "path", ["/", f"/letters/{letter_id(1)}", "/mapping", "/tracking", "/nope", "/static/console.css", "/export.csv"]
)
def test_every_answer_carries_the_headers(browser, path) -> None:
    """No page, file or failure comes without CSP, frame refusal, no-store and the rest."""
    answer = browser.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_failure_that_nobody_foresaw_carries_them_too(browser, monkeypatch) -> None:
    """A page that fails is answered with 500, the headers and no word of what failed."""
    monkeypatch.setattr("claimx_lib.console.letters.letter_page", lambda *_, **__: {}["secret"])
    answer = browser.get("/")
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert "set-cookie" in answer.headers


def test_the_session_is_out_of_reach(browser) -> None:
    """The cookie is HttpOnly and SameSite=Strict, so no script and no other site can use it."""
    cookie = browser.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


def test_a_foreign_host_is_refused(browser) -> None:
    """A name that resolves to this machine but is not ours gets no page (DNS rebinding)."""
    assert browser.get("/", headers={"host": "evil.example:8765"}).status_code == 421


def test_pages_never_change_anything(browser, actions) -> None:
    """Changes are made by POST alone; other methods are refused."""
    assert browser.get(DISCARD).status_code == 405
    assert browser.request("DELETE", DISCARD, headers={"origin": "http://127.0.0.1:8765"}).status_code == 405
    assert actions.done == []


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:9999"])
def test_a_change_from_elsewhere_is_refused(browser, actions, origin) -> None:
    """Without the console's own Origin nothing is changed, even with a right token in the form."""
    headers = {} if origin is None else {"origin": origin}
    assert browser.post(DISCARD, data=decision(browser), headers=headers).status_code == 403
    assert actions.done == []


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
def test_a_form_that_we_did_not_make_is_refused(browser, actions, csrf) -> None:
    """A missing, made-up or foreign CSRF token changes nothing."""
    assert browser.submit(DISCARD, decision(browser, csrf=csrf)).status_code == 403
    assert actions.done == []


def test_a_form_of_another_session_is_refused(opened, actions) -> None:
    """The token of one browser's form is worth nothing in another's."""
    gate = Gate(host="127.0.0.1", port=8765)
    one, other = opened(gate), opened(gate)
    other.get("/")
    assert other.submit(DISCARD, decision(one)).status_code == 403
    assert actions.done == []


def test_forms_of_no_stated_or_too_large_a_size_are_refused(browser) -> None:
    """Nobody can fill the memory through a form."""
    browser.get("/")
    large = browser.submit(DISCARD, {"why": "x" * 500_000})
    unknown = browser.post(DISCARD, content=iter([b"a=1"]), headers={"origin": "http://127.0.0.1:8765"})
    assert (large.status_code, unknown.status_code) == (413, 411)
    for length in ("-1", "²".encode("latin-1"), "9" * 5000):
        headers = {"origin": "http://127.0.0.1:8765", "content-length": length}
        assert browser.post(DISCARD, content=b"a=1", headers=headers).status_code == 411


@pytest.mark.parametrize("path", ["/sign-in", DISCARD])
def test_a_stated_size_beside_chunks_is_refused(opened, shared_gate, path) -> None:
    """A server reads as many chunks as come, whatever length stands beside them: refused before anything is read."""
    headers = {"origin": SHARED, "content-length": "10", "transfer-encoding": "chunked"}
    assert opened(shared_gate, SHARED).post(path, content=b"token=t0ken", headers=headers).status_code == 411


def test_on_loopback_a_typed_name_is_enough(browser, actions) -> None:
    """Who and why are required, and kept with the decision."""
    assert browser.submit(DISCARD, decision(browser, by="  ")).status_code == 422
    assert browser.submit(DISCARD, decision(browser, why="")).status_code == 422
    assert browser.submit(DISCARD, decision(browser)).status_code == 303
    assert actions.done == [("discard", (letter_id(1),), "Ana", "test")]


def test_without_the_token_there_is_only_the_door(opened, shared_gate) -> None:
    """Every page but sign-in leads to it; a part is told so; a change is refused."""
    browser = opened(shared_gate, SHARED)
    answer = browser.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert browser.get("/freshness", headers={"hx-request": "true"}).headers["hx-redirect"] == "/sign-in"
    assert browser.submit(DISCARD, {}).status_code == 401
    assert browser.get("/static/console.css").status_code == 200


def test_the_token_opens_and_closes(opened, shared_gate) -> None:
    """A wrong token is told, the right one opens, signing out closes; the cookie is Secure behind TLS."""
    browser = opened(shared_gate, SHARED)
    wrong = browser.submit("/sign-in", {**browser.opened("/sign-in"), "token": "T0ken"})
    assert (wrong.status_code, "not the token" in wrong.text) == (403, True)
    right = browser.submit("/sign-in", {**browser.opened("/sign-in"), "token": "t0ken"})
    assert right.status_code == 303
    assert "Secure" in right.headers["set-cookie"]
    assert browser.get("/").status_code == 200
    assert browser.submit("/sign-out", browser.opened("/")).status_code == 303
    assert browser.get("/", follow_redirects=False).status_code == 303


def signed_in(opened: Callable, gate: Gate):
    browser = opened(gate, SHARED)
    browser.submit("/sign-in", {**browser.opened("/sign-in"), "token": "t0ken"})
    return browser


def test_the_proxys_identity_decides_and_a_typed_one_counts_for_nothing(opened, shared_gate, actions) -> None:
    """Where a proxy signs people in, its name is kept, whatever the form says."""
    browser = signed_in(opened, shared_gate)
    browser.headers[WHO] = "ana@example.com"
    page = browser.get(f"/letters/{letter_id(1)}")
    assert "ana@example.com" in page.text
    assert 'name="by"' not in page.text
    form = browser.opened(f"/letters/{letter_id(1)}")
    fields = {"csrf": form["csrf"], "by": "Bo", "why": "w"}
    stamp = page.text.split('name="stamp" value="')[1].split('"')[0]
    assert browser.submit(DISCARD, {**fields, "stamp": stamp}).status_code == 303
    assert actions.done == [("discard", (letter_id(1),), "ana@example.com", "w")]


def test_nobody_signed_in_can_read_and_not_change(opened, shared_gate, actions) -> None:
    """Away from loopback a name is never typed: without the proxy's there is no form, and no change."""
    browser = signed_in(opened, shared_gate)
    page = browser.get(f"/letters/{letter_id(1)}")
    assert "Nobody is signed in" in page.text
    assert "/discard" not in page.text
    csrf = browser.opened("/")["csrf"]
    assert browser.submit(DISCARD, {"csrf": csrf, "by": "Bo", "why": "w", "stamp": "x"}).status_code == 422
    assert actions.done == []


def test_two_identities_are_none(opened, shared_gate) -> None:
    """A repeated identity header, as a client behind a careless proxy could add, names nobody."""
    browser = signed_in(opened, shared_gate)
    page = browser.get("/", headers=[(WHO, "ana@example.com"), (WHO, "root@example.com")])
    assert "@example.com" not in page.text
