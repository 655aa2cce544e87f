"""The console as a person meets it: served over HTTP, in a real browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from claimx_lib.console.app import application
from claimx_lib.console.desk import Desk

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 120.0


@pytest.fixture(scope="module")
def chromium(program: Callable[..., str]) -> Iterator[Browser]:
    """A headless Chromium, the machine's own."""
    path = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, and everything it complained of: errors, dialogs, refusals by the CSP."""

    page: Page
    complaints: list[str]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a page in a window of its own."""
    contexts: list[BrowserContext] = []

    def open_at(url: str, *, width: int = 1280, height: int = 860, scheme: str = "light") -> Visit:
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        context.set_default_timeout(120_000)
        contexts.append(context)
        page, complaints = context.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(url)
        return Visit(page, complaints)

    yield open_at
    for context in contexts:
        context.close()


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The console of this desk, listening at its gate's address."""
    gate = desk.gate
    config = uvicorn.Config(application(desk), host=gate.host, port=gate.port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the console did not start"
        assert time.monotonic() < deadline, "the console did not start in time"
        thread.join(0.02)
    try:
        yield f"http://{gate.host}:{gate.port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


@pytest.fixture(scope="module")
def serve() -> Callable[[Desk], object]:
    """Serves a desk for as long as a `with` lasts."""
    return served
