"""What the simulated ClaimX knows: projects, tasks, and what it remembers of requests."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

FIRST_CREATED_TASK_ID = 900_001

Object = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Switches:
    """How this ClaimX behaves; servers differ in all of these."""

    idempotency: bool = False
    """Honours `Idempotency-Key`. Off: a second POST makes a second task, which whoever counts tasks sees."""
    external_reference: bool = True
    """Keeps `external_reference` and can search for it."""
    any_task: bool = False
    """Knows every task that it is asked for."""
    latency_seconds: float = 0.0
    """Every answer takes so long."""
    page_size: int = 0
    """Searches answer in pages of so many; 0 is all at once."""
    always_list: bool = False
    """A project search answers with a list, for one or none too."""

    def turn(self, values: dict[str, Any]) -> None:
        """Sets the named switches; raises ValueError for an unknown one."""
        unknown = set(values) - {known.name for known in fields(self)}
        if unknown:
            raise ValueError(f"no switches {sorted(unknown)}")
        for name, value in values.items():
            setattr(self, name, value)


@dataclass(slots=True)
class State:
    """Projects by id, tasks by id, and the tasks that were created here."""

    switches: Switches = field(default_factory=Switches)
    projects: dict[str, Object] = field(default_factory=dict)
    tasks: dict[str, Object] = field(default_factory=dict)
    created: list[Object] = field(default_factory=list)
    by_idempotency_key: dict[str, Object] = field(default_factory=dict)
    by_claim: dict[str, dict[str, Object]] = field(default_factory=dict)
    next_task_id: int = FIRST_CREATED_TASK_ID

    def put_project(self, project: Object) -> None:
        """Adds a project or replaces it whole; its claim number may have changed."""
        id_ = str(project["project_id"])
        old = self.projects.get(id_)
        if old is not None:
            self.by_claim.get(str(old.get("claim_number")), {}).pop(id_, None)
        self.projects[id_] = project
        if project.get("claim_number") is not None:
            self.by_claim.setdefault(str(project["claim_number"]), {})[id_] = project

    def remove_project(self, project_id: str) -> None:
        """The project is not there any more."""
        old = self.projects.pop(project_id, None)
        if old is not None:
            self.by_claim.get(str(old.get("claim_number")), {}).pop(project_id, None)

    def put_task(self, task: Object) -> None:
        """Adds a task or replaces it whole."""
        self.tasks[str(task["id"])] = task

    def task(self, task_id: str) -> Object | None:
        """The task, made up where the switch says that every task is known."""
        known = self.tasks.get(task_id)
        if known is None and self.switches.any_task:
            return {
                "id": int(task_id) if task_id.isdecimal() else task_id,
                "status": "assigned",
                "name": f"Task {task_id}",
                "details": {"rooms": 3},
            }
        return known

    def projects_of(self, claim_number: str) -> list[Object]:
        """The projects with exactly this claim number."""
        return list(self.by_claim.get(claim_number, {}).values())

    def tasks_of(self, project_id: str, external_reference: str | None) -> list[Object]:
        """The project's tasks; filtered where the server can do that."""
        own = [task for task in self.created if str(task["project_id"]) == project_id]
        if external_reference is None or not self.switches.external_reference:
            return own
        return [task for task in own if task.get("external_reference") == external_reference]

    def create_task(self, project_id: str, body: Object, idempotency_key: str | None) -> tuple[Object, bool]:
        """The task and whether it is new: a key seen before brings its task again, if the server honours keys."""
        if self.switches.idempotency and idempotency_key and (known := self.by_idempotency_key.get(idempotency_key)):
            return known, False
        kept = dict(body)
        if not self.switches.external_reference:
            kept.pop("external_reference", None)
        task = {
            **kept,
            "id": self.next_task_id,
            "project_id": int(project_id) if project_id.isdigit() else project_id,
            "status": "created",
            "created_at": datetime.now(UTC).isoformat(),
        }
        self.next_task_id += 1
        self.created.append(task)
        self.put_task(task)
        if idempotency_key:
            self.by_idempotency_key[idempotency_key] = task
        return task, True
