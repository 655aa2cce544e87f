"""Pages and parts of pages from templates; everything that comes from outside is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from claimx_lib.console import wording
from claimx_lib.console.desk import Desk
from claimx_lib.console.identity import signed_in, typed_names_count

PART = "x-part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A line above a page; `kind` is good, warn or bad."""

    kind: str
    text: str


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a whole page."""
    text = environment().get_template(template).render(**{**_frame(request), **values})
    return HTMLResponse(text, status_code=status)


def part(request: Request, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the part alone to htmx, and as a page of its own to a browser that came by a link."""
    frame = {**_frame(request), "title": title}
    is_part = request.headers.get("hx-request") == "true"
    name = template if is_part else "fragment.html"
    text = environment().get_template(name).render(**{**frame, **values, "part": template})
    return HTMLResponse(text, status_code=status, headers={PART: "1"} if is_part else None)


def desk_of(request: Request) -> Desk:
    """Return what the application was made with."""
    desk: Desk = request.app.state.desk
    return desk


@cache
def environment() -> Environment:
    """Return the templates, escaping by default; a name that nobody gave is an error."""
    made = Environment(
        loader=PackageLoader("claimx_lib.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("reason_text", "state_text", "visible", "plain", "instant", "iso", "ago", "span", "number", "percent")
    made.filters.update({name: getattr(wording, name) for name in names})
    return made


def _frame(request: Request) -> dict[str, Any]:
    desk = desk_of(request)
    cookie = getattr(request.state, "session", "")
    who = signed_in(request, desk.gate)
    return {
        "env": desk.settings.env,
        "build": _build(),
        "who": who,
        "typed_who": typed_names_count(desk.gate),
        "can_change": bool(who) or typed_names_count(desk.gate),
        "can_sign_out": desk.gate.token is not None,
        "csrf": desk.gate.csrf_token(cookie),
        "now": desk.clock.now(),
        "section": "",
        "is_bare": False,
        "notice": None,
    }


@cache
def _build() -> str:
    try:
        return metadata.version("claimx-pipeline")
    except metadata.PackageNotFoundError:
        return "0"
