"""From a claim number to its ClaimX project: a climb over named rungs, each explainable, never a guess.

The first rung that finds something ends it, so that an exact hit is never beaten by a normalised one; several projects
at one rung are ambiguous; an API that fails ends it as unavailable, since what lies below could then be a worse answer
than the one that was not heard (architecture, decision 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Protocol

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, ProjectSearch
from claimx_lib.domain.claim_number import claim_key, rule_joining, rule_names
from claimx_lib.domain.ladder import Place, ResolvePolicy, Rung, ladder
from claimx_lib.domain.mapping_lookup import Candidate, MappingLookup
from claimx_lib.domain.negative_cache import NegativeCache


@unique
class Outcome(StrEnum):
    """How the search for a project ends; exactly one of these."""

    RESOLVED = "resolved"
    NONE = "none"
    AMBIGUOUS = "ambiguous"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"


@unique
class Finding(StrEnum):
    """What a rung came back with."""

    HIT = "hit"
    MISS = "miss"
    REMEMBERED_MISS = "remembered_miss"
    SEVERAL = "several"
    FAILED = "failed"


class ProjectFinder(Protocol):
    """The part of the ClaimX API that the ladder asks."""

    def find_projects(self, claim_number: str) -> ProjectSearch:
        """The projects whose claim number equals the given one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rung that was climbed and what was found there; `passed_over` share the key, but no configured rule."""

    rung: Rung
    finding: Finding
    candidates: tuple[Candidate, ...] = ()
    passed_over: tuple[Candidate, ...] = ()
    answer: ApiAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What became of one claim number; `project_id` is there exactly when the outcome is `resolved`.

    `rule` and `matched` tell by which rule and as which number the project was found; `api_calls` counts calls made,
    `negative_hits` those that a remembered miss spared; `failure` is the answer that made it unavailable.
    """

    claim_number: str
    outcome: Outcome
    steps: tuple[Step, ...]
    project_id: int | None = None
    rule: str | None = None
    matched: str | None = None
    place: Place | None = None
    candidates: tuple[Candidate, ...] = ()
    failure: ApiAnswer | None = None
    api_calls: int = 0
    negative_hits: int = 0

    @property
    def is_from_mapping(self) -> bool:
        """Resolved without any call: a cache hit of the specification."""
        return self.outcome is Outcome.RESOLVED and self.place is not Place.API and self.api_calls == 0

    @property
    def is_from_api(self) -> bool:
        """Found by the API: to be published to `project.sync`."""
        return self.outcome is Outcome.RESOLVED and self.place is Place.API

    @property
    def retry_after_seconds(self) -> float | None:
        """What a failing API asked to wait."""
        return None if self.failure is None else self.failure.retry_after_seconds


def resolve(
    claim_number: str,
    policy: ResolvePolicy,
    *,
    mapping: MappingLookup,
    api: ProjectFinder,
    misses: NegativeCache,
) -> Resolution:
    """Return the project of a valid claim number, or why there is none; `misses` is read and filled.

    An outage, a refused token or an answer that is neither yes nor no is never taken for "none".
    """
    climb = _Climb(claim_number=claim_number, policy=policy, mapping=mapping, api=api, misses=misses)
    for rung in ladder(claim_number, policy):
        step = climb.taken(rung)
        if step.finding not in {Finding.MISS, Finding.REMEMBERED_MISS}:
            return _ended(climb, step)
    return climb.resolution(Outcome.NONE)


@dataclass(slots=True, kw_only=True)
class _Climb:
    claim_number: str
    policy: ResolvePolicy
    mapping: MappingLookup
    api: ProjectFinder
    misses: NegativeCache
    steps: list[Step] = field(default_factory=list)
    api_calls: int = 0

    def taken(self, rung: Rung) -> Step:
        """The step onto one rung, kept for the trace."""
        step = self._asked(rung) if rung.place is Place.API else self._looked_up(rung)
        self.steps.append(step)
        return step

    def resolution(self, outcome: Outcome) -> Resolution:
        """The end of the climb; what was found is added by the caller."""
        spared = sum(step.finding is Finding.REMEMBERED_MISS for step in self.steps)
        return Resolution(
            claim_number=self.claim_number,
            outcome=outcome,
            steps=tuple(self.steps),
            api_calls=self.api_calls,
            negative_hits=spared,
        )

    def _looked_up(self, rung: Rung) -> Step:
        if rung.place is Place.MAPPING:
            return _step(rung, self.mapping.by_number(rung.text))
        if rung.place is Place.MAPPING_KEY:
            return self._joined_by_rule(rung)
        found, own = self.mapping.by_digits(rung.text), claim_key(self.claim_number)
        joined = [c for c in found if rung.text in {own, claim_key(c.claim_number)}]
        return _step(rung, joined, passed_over=[c for c in found if c not in joined])

    def _joined_by_rule(self, rung: Rung) -> Step:
        """Of the rows with this key those that a configured rule makes equal, the nearest first."""
        found = self.mapping.by_key(rung.text)
        names = rule_names(self.policy.rules)
        rules = {c: rule_joining(self.claim_number, c.claim_number, self.policy.rules) for c in found}
        joined = sorted((names.index(rule), c.claim_number, c.project_id, c) for c, rule in rules.items() if rule)
        nearest = replace(rung, rule=names[joined[0][0]]) if joined else rung
        return _step(nearest, [c for *_, c in joined], passed_over=[c for c, rule in rules.items() if not rule])

    def _asked(self, rung: Rung) -> Step:
        if self.misses.is_miss(rung.text):
            return _step(rung, (), finding=Finding.REMEMBERED_MISS)
        search = self.api.find_projects(rung.text)
        self.api_calls += search.answer.is_call
        if search.is_none:
            self.misses.remember(rung.text)
        elif not search.answer.is_ok:
            return _step(rung, (), finding=Finding.FAILED, answer=search.answer)
        found = [Candidate(claim_number=rung.text, project_id=p) for p in search.project_ids]
        return _step(rung, found, answer=search.answer)


def _step(
    rung: Rung,
    candidates: Sequence[Candidate],
    *,
    passed_over: Sequence[Candidate] = (),
    finding: Finding | None = None,
    answer: ApiAnswer | None = None,
) -> Step:
    projects = {project_id for candidate in candidates for project_id in candidate.project_ids}
    told = finding or (Finding.MISS if not projects else Finding.HIT if len(projects) == 1 else Finding.SEVERAL)
    return Step(rung=rung, finding=told, candidates=tuple(candidates), passed_over=tuple(passed_over), answer=answer)


def _ended(climb: _Climb, step: Step) -> Resolution:
    if step.answer is not None and step.finding is Finding.FAILED:
        refused = step.answer.kind is ApiOutcome.UNAUTHORIZED
        ended = climb.resolution(Outcome.UNAUTHORIZED if refused else Outcome.UNAVAILABLE)
        return replace(ended, failure=step.answer, place=step.rung.place)
    if step.finding is Finding.SEVERAL:
        return replace(climb.resolution(Outcome.AMBIGUOUS), candidates=step.candidates, place=step.rung.place)
    found = step.candidates[0]
    return replace(
        climb.resolution(Outcome.RESOLVED),
        project_id=found.project_id,
        rule=step.rung.rule,
        matched=found.claim_number,
        place=step.rung.place,
        candidates=step.candidates,
    )
