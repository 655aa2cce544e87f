"""What stands before every page: host, origin, size, session, token; and the headers of every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from claimx_lib.console.render import desk_of
from claimx_lib.console.security import COOKIE, CSRF_FIELD, CSRF_HEADER, HEADERS, Gate
from claimx_lib.domain.digits import whole
from claimx_lib.errors import ClaimxError

Next = Callable[[Request], Awaitable[Response]]
Failed = Callable[[Request, Exception], Response]
OPEN_PATHS = ("/static/", "/sign-in")
READS = frozenset({"GET", "HEAD"})
LARGEST_FORM_BYTES = 400_000


class ForeignForm(ClaimxError):
    """A form that this session did not make."""


def guarding(failed: Failed) -> Callable[[Request, Next], Awaitable[Response]]:
    """Return what lets a request through only if it may pass; every answer, that to a failure too, gets the same headers."""

    async def guarded(request: Request, call_next: Next) -> Response:
        gate = desk_of(request).gate
        cookie = request.cookies.get(COOKIE, "")
        is_new = not gate.is_session(cookie)
        request.state.session = gate.new_session(is_signed_in=False) if is_new else cookie
        try:
            response = _refusal(request, gate) or _to_sign_in(request, gate) or await call_next(request)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is answered like everything else)
            response = failed(request, error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if is_new and not request.url.path.startswith("/static/") and "set-cookie" not in response.headers:
            keep_session(response, request, request.state.session)
        return response

    return guarded


def keep_session(response: Response, request: Request, session: str) -> None:
    """Give the browser its session: out of reach of scripts, and never sent from another site."""
    is_secure = request.headers.get("origin", request.url.scheme).startswith("https")
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=is_secure, path="/")


async def own_form(request: Request) -> dict[str, str | list[str]]:
    """Return the fields of a form that this session made; ForeignForm for any other."""
    form = await request.form()
    fields = {name: [str(value) for value in form.getlist(name)] for name in form}
    brought = request.headers.get(CSRF_HEADER) or "".join(fields.get(CSRF_FIELD, [""])[:1])
    cookie = request.cookies.get(COOKIE, "")
    if not desk_of(request).gate.is_own_form(cookie, brought):
        raise ForeignForm("this form is too old or not ours", cure="open the page again and repeat the change")
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


Form = Annotated[dict[str, str | list[str]], Depends(own_form)]


def one(form: dict[str, str | list[str]], name: str) -> str:
    """Return a field that a form has once, empty where it is absent or repeated."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def several(form: dict[str, str | list[str]], name: str) -> tuple[str, ...]:
    """Return a field that a form may repeat."""
    value = form.get(name, [])
    return (value,) if isinstance(value, str) else tuple(value)


def _refusal(request: Request, gate: Gate) -> Response | None:
    host = request.headers.get("host", "")
    if not gate.is_known_host(host):
        return PlainTextResponse("421: this page is not served under that name (console.allowed_hosts)", 421)
    if request.method in READS:
        return None
    if request.method != "POST":
        return PlainTextResponse("405: not a thing to do here", 405)
    if not gate.is_own_origin(request.headers.get("origin", ""), host):
        return PlainTextResponse("403: a change must come from a page of this console", 403)
    length = whole(request.headers.get("content-length", ""), digits=15)
    if length is None or "transfer-encoding" in request.headers:  # with both a server follows the chunks
        return PlainTextResponse("411: a form tells its length", 411)
    return PlainTextResponse("413: the form is too large", 413) if length > LARGEST_FORM_BYTES else None


def _to_sign_in(request: Request, gate: Gate) -> Response | None:
    if request.url.path.startswith(OPEN_PATHS) or gate.is_signed_in(request.cookies.get(COOKIE, "")):
        return None
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse("/sign-in", 303) if request.method in READS else PlainTextResponse("401: sign in", 401)
