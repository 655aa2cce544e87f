"""What stands in the body of a ClaimX answer; nothing here raises, whatever the body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from claimx_lib.domain.texts import has_lone_surrogate

Json = object
JsonObject = Mapping[str, Json]

LARGEST_BIGINT = 2**63 - 1

_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_LINK_NEXT = re.compile(r"<([^>]*)>[^,]*;\s*rel=\"?next\"?", re.IGNORECASE)
_PAGING = ("links", "_links", "pagination", "paging", "meta")


class NoJson(ValueError):
    """The text is no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPage:
    """Where an answer goes on: at a link, or at a page number of the same query."""

    link: str | None = None
    number: int | None = None


def parsed(text: str) -> Json:
    """The value of a JSON text; NaN and Infinity are no JSON. Raises `NoJson` alone."""
    try:
        value: Json = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise NoJson from error
    return value


def _refused(constant: str) -> Json:
    raise NoJson(constant)


_DECODER = json.JSONDecoder(parse_constant=_refused)  # made once: making one costs more than a small answer's decoding


def objects(value: Json, key: str) -> Sequence[JsonObject] | None:
    """The objects listed under `key`, or of a bare list; None when there is no such list."""
    listed = value.get(key) if isinstance(value, Mapping) else value
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        return None
    return listed


def project_objects(value: Json) -> Sequence[JsonObject] | None:
    """The projects of a search: a list, `{"projects": [...]}` or a single `{"project_id": N}`; else None."""
    if isinstance(value, Mapping) and "projects" not in value and "project_id" in value:
        return () if value["project_id"] is None else (value,)
    return objects(value, "projects")


def is_of_claim(project: JsonObject, claim_number: str) -> bool:
    """Equality of the claim number where the object carries one; outer white space and number form aside.

    A server that ignores the filter answers with everything: only this look at each object tells.
    """
    if "claim_number" not in project:
        return True
    return _text(project["claim_number"]) == claim_number.strip()


def has_reference(task: JsonObject, external_reference: str) -> bool:
    """Whether the task carries this external reference, exactly."""
    return task.get("external_reference") == external_reference


def project_id_of(project: JsonObject) -> int | None:
    """The project's id where it is a positive BIGINT, as a number or as digits."""
    text = _text(project.get("project_id"))
    if text is None or not _DIGITS.fullmatch(text):
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_BIGINT else None


def task_id_of(task: Json) -> str | None:
    """The task's own id (`id`), as text; None where there is none, or none that UTF-8 has a form for."""
    found = _text(task.get("id")) if isinstance(task, Mapping) else None
    return found if found and not has_lone_surrogate(found) else None


def _text(value: Json) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return value.strip() if isinstance(value, str) else None


def next_page(value: Json, link_header: str | None) -> NextPage | None:
    """Where the answer goes on: `next`, `next_page`, `page` below `total_pages`, or a `Link` header."""
    if link_header and (found := _LINK_NEXT.search(link_header)):
        return NextPage(link=found.group(1))
    for scope in _paging_scopes(value):
        page = _named_next(scope) or _numbered_next(scope)
        if page:
            return page
    return None


def _paging_scopes(value: Json) -> Iterator[JsonObject]:
    if isinstance(value, Mapping):
        yield value
        yield from (scope for name in _PAGING if isinstance(scope := value.get(name), Mapping))


def _named_next(scope: JsonObject) -> NextPage | None:
    for name in ("next", "next_page"):
        told = scope.get(name)
        if isinstance(told, Mapping):
            told = told.get("href")
        text = _text(told)
        if text and _DIGITS.fullmatch(text):
            return NextPage(number=int(text))
        if text:
            return NextPage(link=text)
    return None


def _numbered_next(scope: JsonObject) -> NextPage | None:
    page, pages = scope.get("page"), scope.get("total_pages")
    if isinstance(page, int) and isinstance(pages, int) and page < pages:
        return NextPage(number=page + 1)
    return None
