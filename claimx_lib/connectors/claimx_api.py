"""ClaimX over HTTP: five calls, each one attempt, each ending in a value."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.http import Exchange, Transport
from claimx_lib.connectors.http_keepalive import KeepAliveTransport
from claimx_lib.connectors.http_requests import RequestsTransport
from claimx_lib.domain import api_pages
from claimx_lib.domain.api import (
    ApiAnswer,
    ApiOutcome,
    ClaimXApi,
    ProjectSearch,
    TaskCreation,
    TaskSearch,
    error_text,
    outcome_of,
)
from claimx_lib.domain.api_pages import Json, JsonObject, NextPage
from claimx_lib.domain.api_path import filled, same_host_target, with_query
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock
from claimx_lib.domain.retry import retry_after_seconds

MOST_PAGES = 50  # an answer of more is no answer to one claim number: the search fails rather than being cut

_ListOf = Callable[[Json], Sequence[JsonObject] | None]
Permit = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request to make: the template is what may be told of it, the target what is sent."""

    method: str
    template: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str]
    timeout_seconds: float

    def failed(self, kind: ApiOutcome, seconds: float, status: int | None = None, detail: str = "") -> ApiAnswer:
        """The answer that says so, and no more than may be said."""
        error = error_text(kind, status, self.method, self.template, detail)
        return ApiAnswer(kind=kind, status=status, error=error, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """An answer and, where it is a 2xx with JSON, its value."""

    answer: ApiAnswer
    value: Json = None
    link: str | None = None


class ClaimXClient:
    """`ClaimXApi` over a transport. Thread-safe as its transport is; raises nothing; one attempt a call.

    Scheme and host come from the settings alone; ids go through an allow-list before they go into a path. `permit` gives
    each further page its permit; a list that is cut for want of one is no answer.
    """

    def __init__(
        self, settings: ApiSettings, transport: Transport, clock: Clock = SYSTEM_CLOCK, permit: Permit = lambda: True
    ) -> None:
        self._settings, self._transport, self._clock = settings, transport, clock
        self._permit = permit
        self._prefix = urlsplit(settings.base_url).path.rstrip("/")
        self._headers = {**dict(settings.headers), "Authorization": f"Bearer {settings.token.reveal()}"}

    def get_task(self, task_id: str, *, timeout_seconds: float | None = None) -> ApiAnswer:
        """The task, as a JSON object; any other success is `ODD_BODY`."""
        return self._object(self._settings.task_path, timeout_seconds, task_id=task_id)

    def get_project(self, project_id: str, *, timeout_seconds: float | None = None) -> ApiAnswer:
        """The project, as a JSON object; any other success is `ODD_BODY`."""
        return self._object(self._settings.project_path, timeout_seconds, project_id=project_id)

    def find_projects(self, claim_number: str) -> ProjectSearch:
        """The projects whose claim number equals the given one. An answer that lists a project without a usable id,
        or goes on where it can't be followed, is `BAD_BODY`: half an answer must not pass for "none".
        """
        template = self._settings.project_search_path
        call = self._call("GET", template, with_query(template, claim_number=claim_number))
        answer, found = self._listed(call, api_pages.project_objects)
        ids = [api_pages.project_id_of(item) for item in found if api_pages.is_of_claim(item, claim_number)]
        if None in ids:
            return ProjectSearch(answer=_spoiled(call, answer, "project without a usable id"))
        return ProjectSearch(answer=answer, project_ids=tuple(dict.fromkeys(id_ for id_ in ids if id_ is not None)))

    def find_tasks(self, project_id: str, external_reference: str) -> TaskSearch:
        """The project's tasks whose external reference equals the given one."""
        template = self._settings.task_search_path
        target = filled(template, project_id=project_id)
        if target is None:
            return TaskSearch(answer=_refused("GET", template))
        call = self._call("GET", template, with_query(target, external_reference=external_reference))
        answer, found = self._listed(call, lambda value: api_pages.objects(value, "tasks"))
        ids = [api_pages.task_id_of(item) for item in found if api_pages.has_reference(item, external_reference)]
        if None in ids:
            return TaskSearch(answer=_spoiled(call, answer, "task without an id"))
        return TaskSearch(answer=answer, task_ids=tuple(dict.fromkeys(id_ for id_ in ids if id_ is not None)))

    def create_task(self, project_id: str, body: str, idempotency_key: str) -> TaskCreation:
        """Sends `body` once. A 2xx without the new task's id is `BAD_BODY`: in doubt, like every broken answer."""
        template = self._settings.create_task_path
        target = filled(template, project_id=project_id)
        if target is None:
            return TaskCreation(answer=_refused("POST", template))
        call = self._call("POST", template, target)
        extra = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        read = self._sent(replace(call, body=body.encode(), headers={**call.headers, **extra}))
        if not read.answer.is_ok:
            return TaskCreation(answer=read.answer)
        task_id = api_pages.task_id_of(read.value)
        if task_id is None:
            return TaskCreation(answer=_spoiled(call, read.answer, "no task id"))
        return TaskCreation(answer=read.answer, task_id=task_id)

    def close(self) -> None:
        """Ends the connections."""
        self._transport.close()

    def _object(self, template: str, timeout_seconds: float | None, **ids: str) -> ApiAnswer:
        target = filled(template, **ids)
        if target is None:
            return _refused("GET", template)
        call = self._call("GET", template, target, timeout_seconds)
        read = self._sent(call)
        answer, is_object = read.answer, isinstance(read.value, Mapping)
        is_success = answer.status is not None and outcome_of(answer.status) is ApiOutcome.OK
        if not is_success or (is_object and answer.status == HTTPStatus.OK):
            return answer
        detail = "no 200" if answer.status != HTTPStatus.OK else "no JSON object" if answer.is_ok else "no JSON"
        return call.failed(ApiOutcome.ODD_BODY, answer.seconds, answer.status, detail)

    def _listed(self, call: _Call, objects_in: _ListOf) -> tuple[ApiAnswer, list[JsonObject]]:
        found, seconds, seen = list[JsonObject](), 0.0, {call.target}
        while True:
            read = self._sent(call)
            seconds += read.answer.seconds
            answer = replace(read.answer, seconds=seconds)
            if not answer.is_ok:
                is_named = answer.kind is ApiOutcome.NOT_FOUND and len(seen) > 1  # by the page before: no honest "none"
                return _spoiled(call, answer, "a further page is not there") if is_named else answer, []
            objects = objects_in(read.value)
            if objects is None:
                return _spoiled(call, answer, "no list"), []
            found += objects
            page = api_pages.next_page(read.value, read.link)
            if page is None:
                return answer, found
            target = self._page_target(call.target, page)
            if target is None or target in seen or len(seen) >= MOST_PAGES:
                return _spoiled(call, answer, "pages without end, or on another host"), []
            if not self._permit():
                return call.failed(ApiOutcome.OUT_OF_TIME, seconds), []
            seen.add(target)
            call = replace(call, target=target)

    def _page_target(self, current: str, page: NextPage) -> str | None:
        if page.link is None:
            return with_query(current, page=str(page.number))
        target = same_host_target(self._settings.base_url, self._prefix + current, page.link)
        return None if target is None else target.removeprefix(self._prefix)

    def _call(self, method: str, template: str, target: str, timeout_seconds: float | None = None) -> _Call:
        most = self._settings.timeout_seconds
        timeout = most if timeout_seconds is None else min(most, timeout_seconds)
        return _Call(method=method, template=template, target=target, headers=self._headers, timeout_seconds=timeout)

    def _sent(self, call: _Call) -> _Read:
        started = time.perf_counter()
        exchange = self._transport.send(
            call.method,
            self._prefix + call.target,
            headers=call.headers,
            body=call.body,
            timeout_seconds=call.timeout_seconds,
        )
        seconds = time.perf_counter() - started
        if exchange.status is None:
            return _Read(answer=call.failed(exchange.failure or ApiOutcome.RESET, seconds, detail=exchange.detail))
        kind = outcome_of(exchange.status)
        if kind is ApiOutcome.OK:
            return _body_of(call, exchange.status, exchange, seconds)
        answer = call.failed(kind, seconds, exchange.status, "redirect" if kind is ApiOutcome.BAD_BODY else "")
        wait = retry_after_seconds(exchange.retry_after, self._clock.now())
        return _Read(answer=answer if wait is None else replace(answer, retry_after_seconds=wait))


def _body_of(call: _Call, status: int, exchange: Exchange, seconds: float) -> _Read:
    try:
        text = exchange.body.decode("utf-8-sig").strip(" \t\r\n")  # what reads it later knows an object by its brace
        value = api_pages.parsed(text)
    except ValueError:  # UnicodeDecodeError and NoJson
        return _Read(answer=call.failed(ApiOutcome.BAD_BODY, seconds, status, "no JSON"))
    answer = ApiAnswer(kind=ApiOutcome.OK, status=status, body=text, seconds=seconds)
    return _Read(answer=answer, value=value, link=exchange.link)


def _spoiled(call: _Call, answer: ApiAnswer, detail: str) -> ApiAnswer:
    return call.failed(ApiOutcome.BAD_BODY, answer.seconds, answer.status, detail)


def _refused(method: str, template: str) -> ApiAnswer:
    kind = ApiOutcome.REJECTED
    return ApiAnswer(kind=kind, error=error_text(kind, None, method, template, "id of a form that is not allowed"))


class RequestsClaimX(ClaimXClient):
    """ClaimX by requests: what the driver uses."""

    def __init__(self, settings: ApiSettings, *, permit: Permit = lambda: True) -> None:
        transport = RequestsTransport(
            settings.base_url,
            pool_size=settings.pool_size,
            max_response_bytes=settings.max_response_bytes,
            ca_bundle=settings.ca_bundle,
            proxy_url=settings.proxy_url,
        )
        super().__init__(settings, transport, permit=permit)


class KeepAliveClaimX(ClaimXClient):
    """ClaimX by kept-alive connections of the standard library: what partitions use; knows no proxy."""

    def __init__(self, settings: ApiSettings) -> None:
        transport = KeepAliveTransport(
            settings.base_url, max_response_bytes=settings.max_response_bytes, ca_bundle=settings.ca_bundle
        )
        super().__init__(settings, transport)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClaimX:
    """Opens the client for a partition when it is called there; picklable, equal for equal settings."""

    settings: ApiSettings

    def __call__(self) -> ClaimXApi:
        """The leaner client, or requests where a proxy stands between."""
        return RequestsClaimX(self.settings) if self.settings.proxy_url else KeepAliveClaimX(self.settings)
