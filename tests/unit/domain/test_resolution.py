from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, ProjectSearch
from claimx_lib.domain.ladder import Place, ResolvePolicy, ladder
from claimx_lib.domain.mapping_lookup import Candidate, MappingSnapshot
from claimx_lib.domain.negative_cache import NegativeCache
from claimx_lib.domain.resolution import Finding, Outcome, Resolution, resolve

DOWN = ApiAnswer(kind=ApiOutcome.UNAVAILABLE, status=503, retry_after_seconds=7.0)


@dataclass
class FakeApi:
    """Projects by exact claim number; whatever stands in `broken` answers so instead."""

    projects: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    broken: Mapping[str, ApiAnswer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find_projects(self, claim_number: str) -> ProjectSearch:
        self.asked.append(claim_number)
        if claim_number in self.broken:
            return ProjectSearch(answer=self.broken[claim_number])
        found = self.projects.get(claim_number, ())
        kind = ApiOutcome.OK if found else ApiOutcome.NOT_FOUND
        return ProjectSearch(answer=ApiAnswer(kind=kind, status=200 if found else 404), project_ids=found)


def mapped(**rows: int) -> MappingSnapshot:
    """Rows of the mapping; `_` in a name stands for a dash."""
    return MappingSnapshot(Candidate(claim_number=n.replace("_", "-"), project_id=p) for n, p in rows.items())


def resolved(
    claim: str,
    mapping: MappingSnapshot | None = None,
    api: FakeApi | None = None,
    policy: ResolvePolicy | None = None,
    misses: NegativeCache | None = None,
) -> Resolution:
    return resolve(
        claim,
        policy or ResolvePolicy(),
        mapping=mapping or MappingSnapshot(),
        api=api or FakeApi(),
        misses=misses or NegativeCache(ttl_seconds=20),
    )


def test_the_exact_mapping_row_wins_without_a_call() -> None:
    """A row of exactly this number resolves at the first rung and nobody is called."""
    api = FakeApi({"ABC-1": (2,)})
    found = resolved("ABC-1", mapped(ABC_1=1, abc1=3), api)
    assert (found.project_id, found.rule, found.place, found.is_from_mapping) == (1, "exact", Place.MAPPING, True)
    assert api.asked == []


def test_an_exact_api_answer_beats_a_normalised_row() -> None:
    """The API by the number as given comes before any row that only a rule makes equal."""
    found = resolved("ABC-1", mapped(abc1=3), FakeApi({"ABC-1": (2,)}))
    assert (found.project_id, found.rule, found.is_from_api) == (2, "exact", True)


def test_a_normalised_row_names_its_rule_and_its_number() -> None:
    """A row that a rule joins resolves with the nearest rule's name, after one call for the exact number."""
    found = resolved("ABC-1", mapped(abc1=3))
    assert (found.project_id, found.rule, found.matched) == (3, "remove_dashes+uppercase", "abc1")
    assert (found.place, found.api_calls, found.is_from_mapping) == (Place.MAPPING_KEY, 1, False)


def test_further_formats_are_asked_in_order_until_one_is_known() -> None:
    """The API is asked in the document's order and no further than the first hit."""
    api = FakeApi({"ABC123": (5,), "abc123": (6,)})
    found = resolved("Abc-123", api=api)
    assert (found.project_id, found.rule, found.matched) == (5, "remove_dashes+uppercase", "ABC123")
    assert api.asked == ["Abc-123", "ABC-123", "abc-123", "Abc123", "ABC123"]


def test_a_claim_that_nobody_knows_is_none() -> None:
    """Every rung honestly asked and nothing found is `none`."""
    found = resolved("ABC-1")
    assert (found.outcome, found.project_id, found.failure) == (Outcome.NONE, None, None)


def test_several_projects_behind_one_key_are_ambiguous() -> None:
    """Rows of two projects that rules join to the claim are told as candidates and never chosen from."""
    api = FakeApi({"ABC1": (9,)})
    found = resolved("ABC-1", mapped(abc_1=1, ABC1=2), api)
    assert found.outcome is Outcome.AMBIGUOUS
    assert {(c.claim_number, c.project_id) for c in found.candidates} == {("abc-1", 1), ("ABC1", 2)}
    assert api.asked == ["ABC-1"]


def test_several_spellings_of_one_project_are_no_conflict() -> None:
    """Rows of one project under several spellings resolve to it, by the nearest spelling."""
    found = resolved("ABC-1", mapped(abc1=4, abc_1=4))
    assert (found.project_id, found.matched, found.rule) == (4, "abc-1", "uppercase")


def test_several_projects_of_one_api_answer_are_ambiguous() -> None:
    """An answer with two projects is ambiguous with both."""
    found = resolved("ABC-1", api=FakeApi({"ABC-1": (1, 2)}))
    assert (found.outcome, [c.project_id for c in found.candidates]) == (Outcome.AMBIGUOUS, [1, 2])


def test_a_contested_row_waits_for_a_person() -> None:
    """A row with rivals is ambiguous even at the exact rung, with every project as a candidate."""
    row = Candidate(claim_number="ABC-1", project_id=1, rivals=(2,))
    found = resolved("ABC-1", MappingSnapshot([row]))
    assert (found.outcome, found.candidates[0].project_ids) == (Outcome.AMBIGUOUS, (1, 2))


@pytest.mark.parametrize("broken", ["ABC-1", "abc-1", "ABC1", "abc1"])
def test_an_outage_at_any_rung_is_never_none(broken: str) -> None:
    """Whichever call fails, the claim is unavailable with what failed and how long to wait."""
    found = resolved("ABC-1", api=FakeApi(broken={broken: DOWN}))
    assert (found.outcome, found.failure, found.retry_after_seconds) == (Outcome.UNAVAILABLE, DOWN, 7.0)


def test_an_outage_at_the_exact_rung_does_not_let_a_normalised_row_win() -> None:
    """What the API would have said of the exact number is unknown, so a lesser match is not taken for it."""
    assert resolved("ABC-1", mapped(abc1=3), FakeApi(broken={"ABC-1": DOWN})).outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    "kind", sorted(set(ApiOutcome) - {ApiOutcome.OK, ApiOutcome.NOT_FOUND, ApiOutcome.UNAUTHORIZED})
)
def test_every_answer_that_is_neither_yes_nor_no_is_unavailable(kind: ApiOutcome) -> None:
    """403, 4xx, 429, 5xx, a broken body, an open circuit: none of them says that there is no project."""
    assert resolved("ABC-1", api=FakeApi(broken={"ABC-1": ApiAnswer(kind=kind)})).outcome is Outcome.UNAVAILABLE


def test_a_refused_token_is_told_apart() -> None:
    """401 is `unauthorized`: it stops creation and is no matter of one claim."""
    refused = ApiAnswer(kind=ApiOutcome.UNAUTHORIZED, status=401)
    assert resolved("ABC-1", api=FakeApi(broken={"ABC-1": refused})).outcome is Outcome.UNAUTHORIZED


def test_without_normalisation_only_the_exact_rungs_are_climbed() -> None:
    """`enable_format_normalization: false` finds neither a normalised row nor another format."""
    policy = ResolvePolicy(enable_format_normalization=False, match_without_letter_prefix=True)
    found = resolved("ABC-1", mapped(abc1=3), FakeApi({"ABC1": (4,)}), policy)
    assert (found.outcome, [s.rung.rule for s in found.steps]) == (Outcome.NONE, ["exact", "exact"])


def test_mapping_alone_calls_nobody() -> None:
    """`resolve_with: [mapping]` looks at the mapping by number and by key and makes no call."""
    api = FakeApi({"ABC-1": (4,)})
    policy = ResolvePolicy(resolve_with=("mapping",))
    assert resolved("ABC-1", mapped(), api, policy).outcome is Outcome.NONE
    assert resolved("ABC-1", mapped(abc1=3), api, policy).is_from_mapping
    assert api.asked == []


def test_api_alone_looks_at_no_row() -> None:
    """`resolve_with: [api]` does not use the mapping."""
    found = resolved("ABC-1", mapped(ABC_1=1), FakeApi({"ABC-1": (4,)}), ResolvePolicy(resolve_with=("api",)))
    assert found.project_id == 4


def test_a_row_with_the_key_alone_does_not_count() -> None:
    """A candidate by key that no configured rule makes equal is passed over and shown."""
    found = resolved("ABC-1", mapped(ABC1=3), policy=ResolvePolicy(resolve_with=("mapping",), rules=("uppercase",)))
    assert found.outcome is Outcome.NONE
    assert found.steps[-1].passed_over[0].project_id == 3


def test_the_letter_prefix_is_a_last_rung_and_off_by_default() -> None:
    """ABC-123456 and 123456 meet only where the setting says so, either way round."""
    on = ResolvePolicy(match_without_letter_prefix=True)
    digits, prefixed = MappingSnapshot([Candidate(claim_number="123456", project_id=7)]), mapped(ABC_123456=8)
    assert resolved("ABC-123456", digits).outcome is Outcome.NONE
    assert (
        resolved("ABC-123456", digits, policy=on).project_id,
        resolved("123456", prefixed, policy=on).project_id,
    ) == (7, 8)
    assert resolved("ABC-123456", api=FakeApi({"123456": (9,)}), policy=on).rule == "without_letter_prefix"


def test_two_prefixes_are_two_claims() -> None:
    """The last rung never joins two numbers with different letters, nor chooses between two projects."""
    on = ResolvePolicy(match_without_letter_prefix=True)
    assert resolved("XYZ-123456", mapped(ABC_123456=8), policy=on).outcome is Outcome.NONE
    assert resolved("123456", mapped(ABC_123456=8, XYZ_123456=9), policy=on).outcome is Outcome.AMBIGUOUS


def test_a_miss_is_asked_once_and_an_outage_never_remembered() -> None:
    """A second look within the time to live makes no call; after an outage the same call is made again."""
    misses, api = NegativeCache(ttl_seconds=20), FakeApi()
    resolved("123", api=api, misses=misses)
    again = resolved("123", api=api, misses=misses)
    assert (api.asked, again.api_calls, again.negative_hits, again.outcome) == (["123"], 0, 1, Outcome.NONE)
    down = FakeApi(broken={"456": DOWN})
    resolved("456", api=down, misses=misses)
    resolved("456", api=down, misses=misses)
    assert down.asked == ["456", "456"]


def test_the_trace_tells_every_rung() -> None:
    """Each step has its place, text, rule and finding, in the order of the climb."""
    found = resolved("ab-1", mapped(), FakeApi({"ab1": (4,)}))
    assert [(s.rung.place, s.rung.text, s.finding) for s in found.steps] == [
        (Place.MAPPING, "ab-1", Finding.MISS),
        (Place.API, "ab-1", Finding.MISS),
        (Place.MAPPING_KEY, "AB1", Finding.MISS),
        (Place.API, "AB-1", Finding.MISS),
        (Place.API, "ab1", Finding.HIT),
    ]


CLAIMS = st.text(alphabet="aA1-0", min_size=1, max_size=6).filter(lambda t: t.strip("-0"))
ROWS = st.lists(
    st.builds(Candidate, claim_number=CLAIMS, project_id=st.integers(1, 3)),
    max_size=6,
    unique_by=lambda c: c.claim_number,
)


@given(
    CLAIMS, ROWS, st.dictionaries(CLAIMS, st.lists(st.integers(1, 3), unique=True, min_size=1).map(tuple), max_size=4)
)
def test_whatever_is_found_comes_from_the_first_rung_that_has_anything(
    claim: str, rows: list[Candidate], projects: dict[str, tuple[int, ...]]
) -> None:
    """The result is that of the last step alone; every step before it was a miss; one project or none is chosen."""
    found = resolved(claim, MappingSnapshot(rows), FakeApi(projects))
    assert all(s.finding is Finding.MISS for s in found.steps[:-1])
    assert found.outcome in {Outcome.RESOLVED, Outcome.NONE, Outcome.AMBIGUOUS}
    seen = {p for c in found.steps[-1].candidates for p in c.project_ids}
    assert seen == ({found.project_id} if found.outcome is Outcome.RESOLVED else seen)
    assert (len(seen) > 1) == (found.outcome is Outcome.AMBIGUOUS)
    assert [s.rung.text for s in found.steps] == [r.text for r in ladder(claim, ResolvePolicy())][: len(found.steps)]
