"""The simulator's own paths below `/_sim/`: set its state, script its faults, read what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from claimx_lib.devstack.simulator.faults import FaultScript, fault_of
from claimx_lib.devstack.simulator.request_log import RequestLog
from claimx_lib.devstack.simulator.state import State, Switches
from claimx_lib.devstack.simulator.wire import Answer, BadRequest, Request, json_answer

PREFIX = "/_sim/"


class Admin:
    """Turns an admin request into an answer; takes effect before it answers."""

    def __init__(self, state: State, script: FaultScript, log: RequestLog) -> None:
        self._state = state
        self._script = script
        self._log = log
        self._actions: dict[tuple[str, str], Callable[[Any], object]] = {
            ("POST", "projects"): self._put_projects,
            ("DELETE", "projects"): self._remove_projects,
            ("POST", "tasks"): self._put_tasks,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): lambda _: self._script.faults.clear(),
            ("POST", "switches"): self._turn,
            ("POST", "reset"): self._reset,
            ("GET", "state"): self._told,
        }

    def answer(self, request: Request) -> Answer:
        """The answer to a path below the prefix; raises `BadRequest` for what it can't read."""
        name = request.path.removeprefix(PREFIX)
        if (request.method, name) == ("GET", "requests"):
            return Answer(200, self._log.content(), content_type="application/x-ndjson")
        action = self._actions.get((request.method, name))
        if action is None:
            return json_answer(404, {"error": f"no {request.method} {name}"})
        try:
            return json_answer(200, action(request.json() if request.body else None))
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest(str(error)) from error

    def _put_projects(self, projects: list[dict[str, Any]]) -> None:
        for project in projects:
            self._state.put_project(project)

    def _remove_projects(self, project_ids: list[str]) -> None:
        for project_id in project_ids:
            self._state.remove_project(project_id)

    def _put_tasks(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            self._state.put_task(task)

    def _add_faults(self, scripts: list[dict[str, Any]]) -> None:
        self._script.faults += [fault_of(script) for script in scripts]

    def _turn(self, values: dict[str, Any]) -> None:
        self._state.switches.turn(values)

    def _reset(self, _: object) -> None:
        self._script.faults.clear()
        fresh = State(switches=Switches(), next_task_id=self._state.next_task_id)
        for name in State.__dataclass_fields__:
            setattr(self._state, name, getattr(fresh, name))

    def _told(self, _: object) -> dict[str, Any]:
        return {
            "projects": list(self._state.projects.values()),
            "tasks": list(self._state.tasks.values()),
            "created": self._state.created,
            "switches": asdict(self._state.switches),
            "faults_left": len([fault for fault in self._script.faults if fault.count != 0]),
            "served": self._log.served,
            "in_flight": self._log.in_flight,
            "max_in_flight": self._log.max_in_flight,
        }
