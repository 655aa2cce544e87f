"""Signing in with the console's token, and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from claimx_lib.console.guard import Form, keep_session, one
from claimx_lib.console.render import desk_of, page
from claimx_lib.console.security import COOKIE

router = APIRouter()


@router.get("/sign-in")
def ask(request: Request) -> Response:
    """The page that asks for the token; home for those who need none."""
    if desk_of(request).gate.is_signed_in(request.cookies.get(COOKIE, "")):
        return RedirectResponse("/", 303)
    return page(request, "sign_in.html", title="Sign in", is_wrong=False)


@router.post("/sign-in")
def sign_in(request: Request, form: Form) -> Response:
    """A new session for the one who knows the token; the old one is worth nothing afterwards."""
    gate = desk_of(request).gate
    if not gate.opens(one(form, "token")):
        return page(request, "sign_in.html", status=403, title="Sign in", is_wrong=True)
    response = RedirectResponse("/", 303)
    keep_session(response, request, gate.new_session(is_signed_in=True))
    return response


@router.post("/sign-out")
def sign_out(request: Request, form: Form) -> Response:
    """Forget the session in this browser."""
    del form
    response = RedirectResponse("/sign-in", 303)
    keep_session(response, request, desk_of(request).gate.new_session(is_signed_in=False))
    return response
