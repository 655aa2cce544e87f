"""What ClaimX can answer, as values, and what each answer means for the one who asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol


@unique
class ApiOutcome(StrEnum):
    """The kind of one answer; every call ends in exactly one of these."""

    OK = "ok"
    NOT_FOUND = "not-found"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    REJECTED = "rejected"
    RATE_LIMITED = "rate-limited"
    NOT_SENT = "not-sent"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    RESET = "reset"
    BAD_BODY = "bad-body"
    ODD_BODY = "odd-body"
    CIRCUIT_OPEN = "circuit-open"
    OUT_OF_TIME = "out-of-time"


ANSWERED = frozenset({ApiOutcome.OK, ApiOutcome.NOT_FOUND})
"""The API said what it knows."""

TRANSIENT = frozenset(
    {
        ApiOutcome.RATE_LIMITED,
        ApiOutcome.NOT_SENT,
        ApiOutcome.UNAVAILABLE,
        ApiOutcome.TIMEOUT,
        ApiOutcome.RESET,
        ApiOutcome.BAD_BODY,
        ApiOutcome.ODD_BODY,
    }
)
"""Asking again later may give another answer."""

OUTAGE = TRANSIENT - {ApiOutcome.RATE_LIMITED, ApiOutcome.ODD_BODY}
"""What counts towards an open circuit: a server that says "slower" is alive, and so is one that answers for an id with a
whole success that is no JSON object.
"""

IN_DOUBT = frozenset({ApiOutcome.UNAVAILABLE, ApiOutcome.TIMEOUT, ApiOutcome.RESET, ApiOutcome.BAD_BODY})
"""A POST that ended so may have been carried out: look before sending again."""

NOT_CALLED = frozenset({ApiOutcome.CIRCUIT_OPEN, ApiOutcome.OUT_OF_TIME})
"""Nobody was asked: an open circuit, a stop, a spent budget."""

PERMANENT = frozenset({ApiOutcome.REJECTED, ApiOutcome.FORBIDDEN})
"""Asking again gives the same answer."""

_BY_STATUS = {
    401: ApiOutcome.UNAUTHORIZED,
    403: ApiOutcome.FORBIDDEN,
    404: ApiOutcome.NOT_FOUND,
    408: ApiOutcome.UNAVAILABLE,
    425: ApiOutcome.UNAVAILABLE,
    429: ApiOutcome.RATE_LIMITED,
}
_SERVER_ERRORS = 500
_CLIENT_ERRORS = 400
_SUCCESS = range(200, 300)


def outcome_of(status: int) -> ApiOutcome:
    """The outcome that an HTTP status stands for; 2xx is OK until its body is read.

    A redirect is `BAD_BODY`: nothing says whether a POST behind it was carried out. 408 (the server waited in vain) and
    425 (it is too early) pass by themselves, as a 503 does, and leave a POST in doubt.
    """
    if status in _SUCCESS:
        return ApiOutcome.OK
    if status >= _SERVER_ERRORS:
        return ApiOutcome.UNAVAILABLE
    if status >= _CLIENT_ERRORS:
        return _BY_STATUS.get(status, ApiOutcome.REJECTED)
    return ApiOutcome.BAD_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """One call and how it ended; holds no token, and `error` no id, URL or body.

    `body` is the raw JSON text of a 2xx, `seconds` the duration, `error` reads "outcome status METHOD path-template".
    """

    kind: ApiOutcome
    status: int | None = None
    body: str | None = None
    retry_after_seconds: float | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def is_ok(self) -> bool:
        """A 2xx with a body of the promised shape."""
        return self.kind is ApiOutcome.OK

    @property
    def is_transient(self) -> bool:
        """Worth asking again."""
        return self.kind in TRANSIENT

    @property
    def is_permanent(self) -> bool:
        """Asking again gives the same answer (403 and every 4xx without a meaning of its own)."""
        return self.kind in PERMANENT

    @property
    def is_outage(self) -> bool:
        """Speaks of a server that is not there or not well."""
        return self.kind in OUTAGE

    @property
    def is_call(self) -> bool:
        """Something was tried on the network; false for a refused id, an open circuit and a spent budget."""
        if self.kind in NOT_CALLED:
            return False
        return not (self.kind is ApiOutcome.REJECTED and self.status is None)


def is_in_doubt(answer: ApiAnswer) -> bool:
    """Whether a POST that ended so may have been carried out."""
    return answer.kind in IN_DOUBT


def error_text(kind: ApiOutcome, status: int | None, method: str, path_template: str, detail: str = "") -> str:
    """What may be logged and stored of a failed call: never an id, a URL, a token or a body.

    `detail` must be a constant of the program's own.
    """
    told = f"{kind} {'-' if status is None else status} {method} {path_template}"
    return f"{told}: {detail}" if detail else told


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSearch:
    """The projects of one claim number, distinct, in the order given; empty and `is_none` for an honest "none"."""

    answer: ApiAnswer
    project_ids: tuple[int, ...] = ()

    @property
    def is_none(self) -> bool:
        """The API was asked and knows no project: a 404 or a list without a match, never a failure."""
        if self.answer.kind is ApiOutcome.NOT_FOUND:
            return True
        return self.answer.is_ok and not self.project_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSearch:
    """The tasks that carry one external reference, in the order given; `is_none` when the API honestly has none."""

    answer: ApiAnswer
    task_ids: tuple[str, ...] = ()

    @property
    def is_none(self) -> bool:
        """The API was asked and knows no such task."""
        if self.answer.kind is ApiOutcome.NOT_FOUND:
            return True
        return self.answer.is_ok and not self.task_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreation:
    """How a POST ended; `task_id` is there exactly when the answer is OK."""

    answer: ApiAnswer
    task_id: str | None = None


class ClaimXApi(Protocol):
    """ClaimX as its callers see it: one attempt a call, never an exception, at most `timeout_seconds` long."""

    def get_task(self, task_id: str, *, timeout_seconds: float | None = None) -> ApiAnswer:
        """The task, as a JSON object."""
        ...

    def get_project(self, project_id: str, *, timeout_seconds: float | None = None) -> ApiAnswer:
        """The project, as a JSON object."""
        ...

    def find_projects(self, claim_number: str) -> ProjectSearch:
        """The projects whose claim number equals the given one; every page of the answer is read."""
        ...

    def create_task(self, project_id: str, body: str, idempotency_key: str) -> TaskCreation:
        """Sends `body` (JSON text) once; the caller alone decides about a second time."""
        ...

    def find_tasks(self, project_id: str, external_reference: str) -> TaskSearch:
        """The project's tasks whose external reference equals the given one."""
        ...

    def close(self) -> None:
        """Ends the connections; the client is of no use afterwards."""
        ...
