"""A ClaimX project's own data beside a claim's, before anybody decides that they belong together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from claimx_lib.domain.api import ApiOutcome, ClaimXApi
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.operations.likeness import likeness

MOST_FACTS = 24
LONGEST_FACT = 200
LOOK_SECONDS = 5.0
"""A person waits for this answer, so it gets less time than a job's."""

Note = Literal["", "same", "form", "near", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What ClaimX says of a project: dotted names to texts; `error` names an answer that was none."""

    project_id: int
    is_there: bool
    is_absent: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFact:
    """One field on both sides; `note` says whether they agree, empty where only one side has it, `told` in which way."""

    name: str
    here: str
    there: str
    note: Note = ""
    told: str = ""


def project_facts(api: ClaimXApi, project_id: int) -> ProjectFacts:
    """Return what ClaimX says now; an API that fails is told, never raised."""
    answer = api.get_project(str(project_id), timeout_seconds=LOOK_SECONDS)
    if answer.kind is ApiOutcome.NOT_FOUND:
        return ProjectFacts(project_id=project_id, is_there=False, is_absent=True)
    if not answer.is_ok:
        return ProjectFacts(project_id=project_id, is_there=False, error=answer.error)
    return ProjectFacts(project_id=project_id, is_there=True, facts=_flat(json.loads(answer.body or "{}")))


def compared(claim_number: str, event: tuple[tuple[str, str], ...], project: ProjectFacts) -> tuple[ComparedFact, ...]:
    """Return the claim number first, then what both sides have, then what only the project has, then the event's rest.

    On both sides an object's own field goes before one of the same name in an object inside it.
    """
    here = _by_plain_name((name, value) for name, value in event if name not in {"claim_number", "event_id"})
    there = _by_plain_name(project.facts)
    theirs = there.pop("claim_number", ("", ""))[1]
    there.pop("project_id", None)
    rows = [_claims(claim_number, theirs)]
    both = [key for key in there if key in here]
    rows += [_both(here[key], there[key]) for key in both]
    rows += [ComparedFact(name=_label(n), here="", there=v) for k, (n, v) in there.items() if k not in both]
    rows += [ComparedFact(name=_label(n), here=v, there="") for k, (n, v) in here.items() if k not in both]
    return tuple(rows[:MOST_FACTS])


def _both(own: tuple[str, str], theirs: tuple[str, str]) -> ComparedFact:
    is_same = " ".join(own[1].casefold().split()) == " ".join(theirs[1].casefold().split())
    return ComparedFact(
        name=_label(own[0]),
        here=own[1],
        there=theirs[1],
        note="same" if is_same else "other",
        told="same" if is_same else "different",
    )


def _claims(own: str, theirs: str) -> ComparedFact:
    note: Note = "same" if own == theirs else "form" if claim_key(own) == claim_key(theirs) else "other"
    like = likeness(claim_key(own), claim_key(theirs))
    told = "same" if note == "same" else like.reason if like else "different"
    if not theirs:
        return ComparedFact(name="claim number", here=own, there="")
    is_near = note == "other" and like is not None
    return ComparedFact(name="claim number", here=own, there=theirs, note="near" if is_near else note, told=told)


def _by_plain_name(facts: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, value in sorted(facts, key=lambda fact: "." in fact[0]):
        found.setdefault(_plain(name), (name, value))
    return found


def _plain(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _label(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _flat(value: Any) -> tuple[tuple[str, str], ...]:
    """The texts and numbers of an object, then those of the objects right inside it that it has no field of its own for."""
    if not isinstance(value, Mapping):
        return ()
    inside = {name: item for name, item in value.items() if isinstance(item, Mapping)}
    own = {name: item for name, item in value.items() if name not in inside}
    taken = {_plain(name) for name in own}
    nested = {
        f"{name}.{key}": kept for name, item in inside.items() for key, kept in item.items() if _plain(key) not in taken
    }
    facts = [
        (name[:80], str(item)[:LONGEST_FACT])
        for name, item in {**own, **nested}.items()
        if isinstance(item, (str, int, float)) and item != ""
    ]
    return tuple(facts[:MOST_FACTS])
