"""The console as an application: pages, what stands before them, and how failures look."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from traceback import extract_tb

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from claimx_lib.console import decisions, exports, letter, letters, mapping, session, tracking
from claimx_lib.console.desk import Desk
from claimx_lib.console.guard import ForeignForm, guarding
from claimx_lib.console.render import page, part
from claimx_lib.errors import ClaimxError, ConfigError, KafkaError, NotFound, TableError
from claimx_lib.observability.logs import logger
from claimx_lib.operations.decisions import Conflict

_TITLES = {404: "Not there", 403: "Not allowed", 409: "Somebody was faster", 503: "Not reachable now"}
_STATUSES = (
    (ForeignForm, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TableError, 503),
    (KafkaError, 503),
    (ConfigError, 503),
)
_REFUSED = 422


def application(desk: Desk) -> FastAPI:
    """Return the console for this desk; nothing is read before the first request."""
    app = FastAPI(title="ClaimX review", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.middleware("http")(guarding(_unknown))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    for module in (letters, decisions, exports, letter, mapping, tracking, session):
        app.include_router(module.router)
    app.add_exception_handler(ClaimxError, _told)
    app.add_exception_handler(HTTPException, _http)
    return app


async def _told(request: Request, error: Exception) -> Response:
    """One of our own errors: what is wrong and what to do."""
    message, cure = (error.message, error.cure) if isinstance(error, ClaimxError) else (str(error), "")
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), _REFUSED)
    return _shown(request, status, message, cure)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _shown(request, status, HTTPStatus(status).phrase, "")


def _unknown(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the log has what and where it was, without its text; the page tells nothing of it."""
    frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-5:]]
    kind = type(error).__name__
    logger(component="console").error("page failed", path=request.url.path[:200], error=kind, where=" ".join(frames))
    return _shown(request, 500, "This page failed; the log says more.", "")


def _shown(request: Request, status: int, text: str, cure: str) -> Response:
    title = _TITLES.get(status, "That did not work")
    kind = "bad"
    if request.headers.get("hx-request") == "true":
        return part(request, "message_part.html", title=title, status=status, text=text, cure=cure)
    back = {"href": "/", "label": "Back to the dead letters"}
    return page(request, "message.html", status=status, title=title, text=text, cure=cure, kind=kind, back=back)
