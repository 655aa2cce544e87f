"""Estimates and statements about claims: mapped before and after, found by the API, unknown, ambiguous, gone, bad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.evidence import NOT_OURS, OURS, PROJECT_EVENT, REFUSED
from tests.faults.feed import Burst, Feed, Item, _json

FIRST_PROJECT = 50_000
EARLIER_CLAIMS = 30
"""How many of the newest claims may be said something else of."""


@dataclass(slots=True)
class IdentityFeed(Feed):
    """Each burst has new claims of every kind, and further statements about earlier ones."""

    claims: list[tuple[str, int]] = field(default_factory=list)
    late: list[Item] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """Projects that events have told of."""

    def burst(self) -> Burst:
        """Some fifteen records; the mapping of a late claim comes with the next burst."""
        burst = Burst()
        waiting, self.late = self.late, []
        items = [*waiting, *self._claims(burst), *self._again_about(), self._not_ours(), *self._bad()]
        burst.items = self.mixed(items, again=3)
        return burst

    def hot(self) -> list[Item]:
        """Estimates of the first claim that was mapped, of which people and systems go on to say something, too."""
        claim, project = self.claims[0]
        return [self._estimate(claim, "hot claim"), self._said(claim, project, is_known=False)]

    def _claims(self, burst: Burst) -> Iterator[Item]:
        for _ in range(self.chance.randint(1, 2)):
            yield from self._mapped(burst)
        for make in self.chance.sample([self._late, self._by_api, self._unknown, self._ambiguous, self._gone], k=2):
            yield from make(burst)

    def _mapped(self, burst: Burst) -> Iterator[Item]:
        claim, project = self._claim("M"), self._project(burst)
        if self.chance.random() < 0.7:
            yield self._said(claim, project)
        else:
            yield self._project_event(project, claim)
            self.told.append(project)
        yield self._estimate(claim, "mapped")
        if self.chance.random() < 0.3:
            yield self._estimate(claim, "mapped, a second estimate")

    def _late(self, burst: Burst) -> Iterator[Item]:
        claim, project = self._claim("L"), self._project(burst)
        yield self._estimate(claim, "mapped later")
        self.late.append(self._said(claim, project, is_known=False))

    def _by_api(self, burst: Burst) -> Iterator[Item]:
        claim = self._claim("A")
        self._project(burst, claim.replace("-", ""))
        yield self._estimate(claim, "known to the API without its dash")

    def _unknown(self, _: Burst) -> Iterator[Item]:
        yield self._estimate(self._claim("U"), "unknown")

    def _ambiguous(self, burst: Burst) -> Iterator[Item]:
        claim = self._claim("D")
        self._project(burst, claim)
        self._project(burst, claim)
        yield self._estimate(claim, "two projects")

    def _gone(self, _: Burst) -> Iterator[Item]:
        claim = self._claim("G")
        yield self._said(claim, FIRST_PROJECT - self.next(), is_known=False)
        yield self._estimate(claim, "its project is gone")

    def _again_about(self) -> Iterator[Item]:
        """Systems and people contradict each other about earlier claims, at any time before now."""
        for claim, project in self.chance.sample(self.claims[-EARLIER_CLAIMS:], k=min(2, len(self.claims))):
            domain = self.chance.choice(("claimx", "xact", "manual"))
            other = self.chance.choice(self.claims)[1]
            action = self.chance.choice(("set", "unset")) if domain == "manual" else "set"
            yield self._said(claim, self.chance.choice((project, other)), domain=domain, action=action, is_known=False)
        for project in self.told[-1:]:
            yield self._project_event(project)

    def _claim(self, letter: str) -> str:
        return f"{letter}{self.seed % 1000}-{self.next():05d}"

    def _project(self, burst: Burst, claim: str | None = None) -> int:
        project = FIRST_PROJECT + self.next()
        burst.projects.append({"project_id": project, "claim_number": claim})
        return project

    def _said(
        self, claim: str, project: int | None, *, domain: str = "claimx", action: str = "set", is_known: bool = True
    ) -> Item:
        if project is not None and is_known:
            self.claims.append((claim, project))
        fields: dict[str, Any] = {"event_id": f"i-{self.seed}-{self.next()}", "domain": domain, "claim_number": claim,
                                  "project_id": project, "timestamp": self.some_time(), "action": action,
                                  "by": "faults", "why": "a test"}  # fmt: skip
        return Item(role="project_sync", key=claim, value=_json(fields), outcome=OURS, kind=f"{domain} {action}",
                    event_id=fields["event_id"])  # fmt: skip

    def _project_event(self, project: int, claim: str | None = None) -> Item:
        """What a project is called from then on, and its claim where one is told."""
        number = self.next()
        fields: dict[str, Any] = {"event_id": f"p-{self.seed}-{number}", "event_type": "PROJECT_UPDATED",
                  "project_id": str(project), "timestamp": self.some_time(), "project": {"project_name": f"House {number}"},
                  **({"metadata": {"claim_number": claim}} if claim else {})}  # fmt: skip
        return Item(role="claimx_events", key=str(project), value=_json(fields), outcome=OURS, kind=PROJECT_EVENT,
                    event_id=fields["event_id"])  # fmt: skip

    def _estimate(self, claim: str, kind: str, event_type: str = "ESTIMATE_CREATED") -> Item:
        fields: dict[str, Any] = {"event_id": f"x-{self.seed}-{self.next()}", "event_type": event_type, "claim_number": claim,
                  "timestamp": self.some_time(), "estimate": {"estimate_id": f"e-{self.number}"}}  # fmt: skip
        outcome = OURS if event_type == "ESTIMATE_CREATED" else NOT_OURS
        return Item(role="xact_events", key=claim, value=_json(fields), outcome=outcome, kind=kind,
                    event_id=fields["event_id"])  # fmt: skip

    def _not_ours(self) -> Item:
        return self._estimate(self._claim("N"), "another type", event_type="ESTIMATE_UPDATED")

    def _bad(self) -> Iterator[Item]:
        yield Item(role="project_sync", key="-", value=b'{"domain": "claimx"', outcome=REFUSED, kind="cut short")
        yield Item(role="xact_events", key="-", value=b"\xff no JSON", outcome=REFUSED, kind="no text")
        bad = self._estimate("---", "no claim number")
        yield Item(role=bad.role, key=bad.key, value=bad.value, outcome=REFUSED, kind=bad.kind, event_id=bad.event_id)
