"""The calls of ClaimX, from a request to an answer."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from claimx_lib.devstack.simulator.state import Object, State
from claimx_lib.devstack.simulator.wire import Answer, BadRequest, Request, json_answer

_TASK = re.compile(r"/api/v1/tasks/([^/]+)")
_PROJECT = re.compile(r"/api/v1/projects/([^/]+)")
_PROJECT_TASKS = re.compile(r"/api/v1/projects/([^/]+)/tasks")
_SEARCH = "/api/v1/projects"

_NOT_FOUND = json_answer(404, {"error": "not found"})


class Result(NamedTuple):
    """The answer, and the task that was created for it, if any."""

    answer: Answer
    created_task_id: int | None = None


def result_of(request: Request, state: State, *, ignores_filter: bool = False) -> Result:
    """What ClaimX answers; only a POST changes the state."""
    if found := _TASK.fullmatch(request.path):
        return Result(_found(state.task(found.group(1)))) if request.method == "GET" else _not_allowed()
    if request.path == _SEARCH:
        return Result(_projects(request, state, ignores_filter=ignores_filter))
    if found := _PROJECT_TASKS.fullmatch(request.path):
        return _tasks(found.group(1), request, state, ignores_filter=ignores_filter)
    if found := _PROJECT.fullmatch(request.path):
        return Result(_found(state.projects.get(found.group(1)))) if request.method == "GET" else _not_allowed()
    return Result(_NOT_FOUND)


def _found(value: Object | None) -> Answer:
    return _NOT_FOUND if value is None else json_answer(200, value)


def _not_allowed() -> Result:
    return Result(json_answer(405, {"error": "method not allowed"}))


def _projects(request: Request, state: State, *, ignores_filter: bool) -> Answer:
    claim_number = request.query.get("claim_number")
    is_all = ignores_filter or claim_number is None
    found = list(state.projects.values()) if is_all else state.projects_of(str(claim_number))
    if state.switches.page_size or state.switches.always_list or is_all:
        return _page("projects", found, request, state)
    if not found:
        return _NOT_FOUND
    return json_answer(200, {"project_id": found[0]["project_id"]} if len(found) == 1 else {"projects": found})


def _tasks(project_id: str, request: Request, state: State, *, ignores_filter: bool) -> Result:
    if project_id not in state.projects:
        return Result(_NOT_FOUND)
    if request.method == "POST":
        return _created(project_id, request, state)
    reference = None if ignores_filter else request.query.get("external_reference")
    return Result(_page("tasks", state.tasks_of(project_id, reference), request, state))


def _created(project_id: str, request: Request, state: State) -> Result:
    body = request.json()
    if not isinstance(body, dict) or "task_type" not in body:
        raise BadRequest("a task has a task_type")
    task, is_new = state.create_task(project_id, body, request.headers.get("idempotency-key"))
    return Result(json_answer(201, task), task["id"] if is_new else None)


def _page(name: str, found: list[Object], request: Request, state: State) -> Answer:
    size = state.switches.page_size
    if not size:
        return json_answer(200, {name: found})
    page = int(request.query.get("page", "1"))
    value: Object = {name: found[(page - 1) * size : page * size], "page": page}
    if page * size < len(found):
        query = {**request.query, "page": str(page + 1)}
        asked = "&".join(f"{key}={quote(text, safe='')}" for key, text in query.items())
        value["next"] = f"{quote(request.path)}?{asked}"
    return json_answer(200, value)
