"""The projects of a batch's claims: each claim climbs the ladder once, several at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claimx_lib.domain.claim_number import without_letter_prefix
from claimx_lib.domain.creation.intake import Candidate, Route
from claimx_lib.domain.creation.reasons import gone_project
from claimx_lib.domain.ladder import ResolvePolicy
from claimx_lib.domain.mapping_lookup import Candidate as Mapped
from claimx_lib.domain.mapping_lookup import MappingSnapshot
from claimx_lib.domain.negative_cache import NegativeCache
from claimx_lib.domain.resolution import Outcome, ProjectFinder, Resolution, resolve
from claimx_lib.observability.logs import logger
from claimx_lib.streams.creation_doubts import each

if TYPE_CHECKING:
    from claimx_lib.observability.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Question:
    """A claim to climb for: with the API or without, and the project that is known to be gone."""

    claim_number: str
    asks_api: bool
    gone_project: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Climbs for each distinct question; API calls are paced by `api`, misses kept in `misses`."""

    api: ProjectFinder
    misses: NegativeCache
    policy: ResolvePolicy
    metrics: Metrics
    threads: int

    def resolved(self, candidates: Sequence[Candidate], rows: Sequence[Mapped]) -> dict[tuple[Route, str], Resolution]:
        """A resolution for each candidate; a claim that is due again, or that somebody sent back, is asked for anew,
        whatever is remembered.
        """
        for candidate in candidates:
            if candidate.route is Route.DUE or candidate.replay is not None:
                self.misses.forget(candidate.event.claim_key)
        questions = {(c.route, c.event.event_id): _question(c) for c in candidates}
        distinct = sorted(set(questions.values()), key=lambda q: (q.claim_number, q.asks_api, q.gone_project or 0))
        whole = MappingSnapshot(rows)
        answers = each(distinct, lambda question: self._climbed(question, whole, rows), threads=self.threads)
        by_question = dict(zip(distinct, answers, strict=True))
        return {place: by_question[question] for place, question in questions.items()}

    def _climbed(self, question: Question, mapping: MappingSnapshot, rows: Sequence[Mapped]) -> Resolution:
        if question.gone_project is not None:
            mapping = MappingSnapshot(row for row in rows if row.project_id != question.gone_project)
        policy = self.policy if question.asks_api else replace(self.policy, resolve_with=self._mapping_alone())
        started = time.perf_counter()
        resolution = resolve(question.claim_number, policy, mapping=mapping, api=self.api, misses=self.misses)
        self._told(resolution, time.perf_counter() - started)
        return resolution

    def _mapping_alone(self) -> tuple[str, ...]:
        return tuple(place for place in self.policy.resolve_with if place == "mapping")

    def _told(self, resolution: Resolution, seconds: float) -> None:
        self.metrics.observe("claimx_project_resolution_duration_seconds", seconds)
        if resolution.outcome in {Outcome.UNAVAILABLE, Outcome.UNAUTHORIZED}:
            return
        self.metrics.count("claimx_project_resolution_total", rule=resolution.rule or str(resolution.outcome))
        self.metrics.count("claimx_project_resolution_negative_hits_total", resolution.negative_hits)
        if resolution.is_from_mapping:
            self.metrics.count("claimx_project_resolution_cache_hits_total")
        elif resolution.api_calls:
            self.metrics.count("claimx_project_resolution_cache_misses_total")
        if resolution.matched is not None and resolution.matched != resolution.claim_number:
            logger(job="task_creation").info(
                "Found ClaimX project with normalized format",
                original_claim=resolution.claim_number,
                normalized_claim=resolution.matched,
                project_id=resolution.project_id,
                rule=resolution.rule,
            )


def keys_to_read(candidates: Iterable[Candidate], policy: ResolvePolicy) -> tuple[set[str], set[str]]:
    """The claim keys whose mapping rows the climbs need, and the digits, where those count."""
    keys = {candidate.event.claim_key for candidate in candidates}
    if not policy.match_without_letter_prefix:
        return keys, set()
    return keys, {digits for key in keys if (digits := without_letter_prefix(key)) is not None}


def _question(candidate: Candidate) -> Question:
    asks_api = candidate.route.asks_api
    gone = gone_project(candidate.last_reason) if asks_api else None
    return Question(claim_number=candidate.event.claim_number, asks_api=asks_api, gone_project=gone)
