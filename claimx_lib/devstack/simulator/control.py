"""The simulator from a test's or a demo's side."""

from __future__ import annotations

import json
from typing import Any, cast

from requests import Response, Session

from claimx_lib.errors import DevStackError

_TIMEOUT_SECONDS = 10.0


class SimulatorControl:
    """Sets and reads the simulator at `base_url`; each method returns when it has taken effect."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._session = Session()
        self._session.trust_env = False

    def put_project(self, project_id: int | str, claim_number: str | None = None, **details: Any) -> None:
        """A project is there from now on, with this claim number or none."""
        self.put_projects([{"project_id": project_id, "claim_number": claim_number, **details}])

    def put_projects(self, projects: list[dict[str, Any]]) -> None:
        """Projects, each with `project_id` and what else it is to show."""
        self._send("POST", "projects", projects)

    def remove_project(self, project_id: int | str) -> None:
        """The project is not there any more."""
        self._send("DELETE", "projects", [str(project_id)])

    def put_tasks(self, tasks: list[dict[str, Any]]) -> None:
        """Tasks, each with `id` and what else it is to show."""
        self._send("POST", "tasks", tasks)

    def fault(self, kind: str, **script: Any) -> None:
        """A fault from now on: see `faults.FaultKind` and `faults.Fault` for what may be said."""
        self._send("POST", "faults", [{"kind": kind, **script}])

    def clear_faults(self) -> None:
        """No fault any more."""
        self._send("DELETE", "faults")

    def switch(self, **switches: Any) -> None:
        """How the server behaves: see `state.Switches`."""
        self._send("POST", "switches", switches)

    def reset(self) -> None:
        """No projects, tasks, faults or switches; the request log goes on."""
        self._send("POST", "reset")

    def state(self) -> dict[str, Any]:
        """Everything: projects, tasks, created, switches, faults_left, served, in_flight, max_in_flight."""
        return cast("dict[str, Any]", self._send("GET", "state").json())

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that were created by POST, in order."""
        return cast("list[dict[str, Any]]", self.state()["created"])

    def requests(self) -> list[dict[str, Any]]:
        """The request log: see `request_log.RequestLog`."""
        return [json.loads(line) for line in self._send("GET", "requests").content.splitlines()]

    def _send(self, method: str, name: str, body: object = None) -> Response:
        answer = self._session.request(
            method,
            f"{self._base_url}/_sim/{name}",
            data=None if body is None else json.dumps(body),
            timeout=_TIMEOUT_SECONDS,
        )
        if not answer.ok:
            raise DevStackError(f"the simulator refused {method} {name}: {answer.text}")
        return answer

    def close(self) -> None:
        """Ends the connection."""
        self._session.close()
