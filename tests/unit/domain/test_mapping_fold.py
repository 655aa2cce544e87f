from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.identity import EventOutcome, IdentityEvent, MappedClaim, Project, ProjectEvent
from claimx_lib.domain.mapping_fold import Before, Entry, Folded, folded

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def said(
    claim: str, project: int | None, minute: int, source: str = "claimx", *, event_id: str = "", action: str = "set"
) -> IdentityEvent:
    return IdentityEvent(
        event_id=event_id or f"{source}-{minute}",
        claim_number=claim,
        claim_key=claim_key(claim),
        source=source,
        action=action,
        project_id=project,
        timestamp=NOON + timedelta(minutes=minute),
    )


def numbered(project: int, claim: str, minute: int) -> tuple[IdentityEvent, ProjectEvent]:
    """A project event with a claim number: a statement about the claim, and one about the project."""
    event = said(claim, project, minute)
    return event, ProjectEvent(
        project_id=project,
        event_id=event.event_id,
        timestamp=event.timestamp,
        claim_number=claim,
        claim_key=event.claim_key,
    )


Item = IdentityEvent | tuple[IdentityEvent, ProjectEvent] | ProjectEvent


@dataclass
class Store:
    """The three tables as values: what mapping_sync reads before a batch and writes after it."""

    history: list[Entry] = field(default_factory=list)
    rows: dict[str, MappedClaim] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)

    def take(self, batch: Sequence[Item]) -> Folded:
        events, project_events = split(batch)
        result = folded(events, project_events, self._before(events, project_events))
        self.history.extend(result.entries)
        self.projects.update(result.projects)
        for claim, state in result.claims.items():
            if state.row is None:
                self.rows.pop(claim, None)
            else:
                self.rows[claim] = state.row
        return result

    def _before(self, events: list[IdentityEvent], project_events: list[ProjectEvent]) -> Before:
        keys = {event.claim_key for event in events}
        moved = {event.project_id for event in project_events}
        rows = {
            c: r for c, r in self.rows.items() if r.claim_key in keys or moved.intersection({r.project_id, *r.rivals})
        }
        keys |= {row.claim_key for row in rows.values()}
        before = Before(rows=rows, projects=dict(self.projects))
        for entry in self.history:
            if entry.event.claim_key in keys:
                before.facts[entry.event.claim_number].add(entry.event)
                before.known.add(entry.event.identity)
        return before

    def projects_of(self) -> dict[str, int]:
        return {claim: row.project_id for claim, row in self.rows.items()}


def split(batch: Iterable[Item]) -> tuple[list[IdentityEvent], list[ProjectEvent]]:
    flat = [part for item in batch for part in (item if isinstance(item, tuple) else (item,))]
    return [p for p in flat if isinstance(p, IdentityEvent)], [p for p in flat if isinstance(p, ProjectEvent)]


def after(*batches: Sequence[Item]) -> Store:
    store = Store()
    for batch in batches:
        store.take(batch)
    return store


def outcomes(store: Store) -> list[tuple[str, str]]:
    return [(entry.event.event_id, str(entry.outcome)) for entry in store.history]


def test_the_greatest_automatic_event_decides() -> None:
    """The project is that of the greatest (event_timestamp, event_id), in whatever order the events came."""
    early, late = said("A-1", 1, 1), said("A-1", 2, 2)
    assert after([early], [late]).rows == after([late], [early]).rows == after([late, early]).rows
    assert after([early, late]).projects_of() == {"A-1": 2}


def test_equal_times_are_settled_by_event_id() -> None:
    """Of two events of one instant the greater event id counts."""
    one, two = said("A-1", 1, 1, event_id="a"), said("A-1", 2, 1, event_id="b")
    assert after([two], [one]).projects_of() == after([one], [two]).projects_of() == {"A-1": 2}


def test_another_project_is_a_conflict_and_a_rival() -> None:
    """A second project for one claim is taken, recorded as a conflict, and the first stays known as a rival."""
    store = after([said("A-1", 1, 1)], [said("A-1", 2, 2)])
    assert outcomes(store) == [("claimx-1", "accepted"), ("claimx-2", "conflict")]
    assert store.rows["A-1"].rivals == (1,)
    assert (store.history[1].before, store.history[1].event.project_id) == (1, 2)


def test_a_late_event_is_refused_and_still_a_rival() -> None:
    """An older event changes no project, but that another project claims the number is not forgotten."""
    store = after([said("A-1", 2, 2)], [said("A-1", 1, 1)])
    assert outcomes(store)[-1] == ("claimx-1", "refused")
    assert (store.projects_of(), store.rows["A-1"].rivals) == ({"A-1": 2}, (1,))


def test_a_persons_decision_stands_against_everything_automatic() -> None:
    """After a manual set no automatic event, however new, changes the project; there are no rivals any more."""
    store = after([said("A-1", 1, 1)], [said("A-1", 9, 2, "manual")], [said("A-1", 3, 50), said("A-1", 4, 60, "xact")])
    assert outcomes(store) == [
        ("claimx-1", "accepted"),
        ("manual-2", "accepted"),
        ("claimx-50", "refused"),
        ("xact-60", "refused"),
    ]
    assert (store.rows["A-1"].project_id, store.rows["A-1"].source, store.rows["A-1"].rivals) == (9, "manual", ())


def test_a_withdrawn_decision_gives_way_to_the_greatest_automatic_event() -> None:
    """After an unset the claim is where it would be without any person, also by events that came in between."""
    unset = said("A-1", None, 3, "manual", action="unset")
    store = after([said("A-1", 1, 1)], [said("A-1", 9, 2, "manual")], [said("A-1", 4, 60)], [unset])
    assert outcomes(store)[-1] == ("manual-3", "withdrawn")
    assert store.projects_of() == {"A-1": 4}


def test_a_late_decision_does_not_survive_its_own_withdrawal() -> None:
    """A manual set that is older than an unset stays without effect, although the unset came first."""
    unset = said("A-1", None, 3, "manual", action="unset")
    store = after([unset], [said("A-1", 9, 2, "manual")])
    assert (outcomes(store), store.rows) == ([("manual-3", "refused"), ("manual-2", "refused")], {})


def test_the_newest_decision_counts() -> None:
    """Of several people the last by time decides, whatever came first."""
    store = after([said("A-1", 2, 20, "manual")], [said("A-1", 1, 10, "manual")])
    assert (store.projects_of(), outcomes(store)[-1][1]) == ({"A-1": 2}, "refused")


def test_a_claim_without_a_project_waits() -> None:
    """An identity event without a project is `waiting`, makes no row and takes none away."""
    store = after([said("A-1", None, 1, "xact")], [said("A-1", 1, 2)], [said("A-1", None, 3, "xact")])
    assert [outcome for _, outcome in outcomes(store)] == ["waiting", "accepted", "waiting"]
    assert store.projects_of() == {"A-1": 1}


def test_a_new_number_withdraws_the_projects_older_mapping() -> None:
    """A project that gets another claim number leaves the old claim without a row; the history of that claim says so."""
    store = after([numbered(1, "A-1", 1)], [numbered(1, "B-2", 2)])
    assert store.projects_of() == {"B-2": 1}
    gone = [e for e in store.history if e.outcome is EventOutcome.WITHDRAWN]
    assert [(e.event.claim_number, e.before, e.event.why) for e in gone] == [
        ("A-1", 1, "project 1 has the claim number B-2 now")
    ]


def test_nothing_older_revives_a_withdrawn_claim() -> None:
    """Late events from before, of the same project or of another, leave a withdrawn claim without a row."""
    store = after([numbered(1, "A-1", 5)], [numbered(1, "B-2", 6)], [said("A-1", 1, 4)], [said("A-1", 7, 3)])
    assert store.projects_of() == {"B-2": 1}
    assert [outcome for _, outcome in outcomes(store)][-2:] == ["refused", "refused"]


def test_a_newer_event_takes_a_withdrawn_claim_again() -> None:
    """What is newer than the withdrawn mapping gives the claim a project, and is no conflict."""
    store = after([numbered(1, "A-1", 5)], [numbered(1, "B-2", 6)], [said("A-1", 7, 8)])
    assert (store.projects_of(), outcomes(store)[-1]) == ({"A-1": 7, "B-2": 1}, ("claimx-8", "accepted"))


def test_a_mapping_older_than_its_projects_number_is_withdrawn_on_arrival() -> None:
    """A late statement about a project that has another number by now never makes a row."""
    store = after([numbered(1, "B-2", 6)], [said("A-1", 1, 5)])
    assert (store.projects_of(), outcomes(store)[-1]) == ({"B-2": 1}, ("claimx-5", "withdrawn"))


def test_a_person_is_not_overruled_by_a_new_number() -> None:
    """A manual mapping stays when its project gets another claim number."""
    store = after([said("A-1", 1, 1, "manual")], [numbered(1, "B-2", 6)])
    assert store.projects_of() == {"A-1": 1, "B-2": 1}


def test_another_spelling_is_no_other_number() -> None:
    """A project whose number is only written in another way keeps the mapping of the first spelling."""
    store = after([numbered(1, "A-1", 1)], [numbered(1, "a1", 2)])
    assert store.projects_of() == {"A-1": 1, "a1": 1}


def test_a_number_that_comes_back_in_another_spelling_brings_the_first_one_back() -> None:
    """Away and back under another spelling: both spellings are the project's, in one batch or in three."""
    items = [numbered(1, "A-1", 1), numbered(1, "B-2", 2), numbered(1, "a1", 3)]
    assert after(items).rows == after(*[[item] for item in items]).rows
    assert after(items).projects_of() == {"A-1": 1, "a1": 1}


def test_a_project_event_without_a_number_keeps_the_number() -> None:
    """The newest event gives name and address; the number stays that of the newest event that told one."""
    renamed = ProjectEvent(project_id=1, event_id="p-9", timestamp=NOON + timedelta(minutes=9), project_name="Elm St")
    store = after([numbered(1, "A-1", 1)], [renamed])
    project = store.projects[1]
    assert (project.project_name, project.event_id) == ("Elm St", "p-9")
    assert project.number is not None
    assert project.number.claim_number == "A-1"


def test_two_systems_may_use_one_event_id() -> None:
    """Events of different content are two events, whatever their ids; the same delivered twice is one."""
    one, two = said("A-1", 1, 1, event_id="evt-1"), said("B-2", 2, 1, "xact", event_id="evt-1")
    store = after([one, two], [two, one, one])
    assert (store.projects_of(), len(store.history)) == ({"A-1": 1, "B-2": 2}, 2)


def test_a_row_without_a_history_is_respected() -> None:
    """A mapping that another tool wrote counts as the event that its row names."""
    store = Store(rows={"A-1": MappedClaim(claim_number="A-1", claim_key="A1", project_id=5, source="manual", timestamp=NOON, event_id="m")})  # fmt: skip
    store.take([said("A-1", 1, 30)])
    assert store.projects_of() == {"A-1": 5}


CLAIMS, PROJECTS, MINUTES = st.sampled_from(["A-1", "a1", "B-2", "C3"]), st.integers(1, 3), st.integers(0, 6)
EVENT_IDS = st.sampled_from(["e1", "e2", "e3", "e4"])
SAID = st.builds(
    lambda claim, project, minute, source, event_id: said(claim, project, minute, source, event_id=event_id),
    CLAIMS, st.one_of(PROJECTS, st.none()), MINUTES, st.sampled_from(["xact", "claimx"]), EVENT_IDS,
)  # fmt: skip
DECIDED = st.builds(
    lambda claim, project, minute, action, event_id: said(
        claim, project if action == "set" else None, minute, "manual", event_id=event_id, action=action
    ),
    CLAIMS, PROJECTS, MINUTES, st.sampled_from(["set", "unset"]), EVENT_IDS,
)  # fmt: skip
NUMBERED = st.builds(numbered, PROJECTS, CLAIMS, MINUTES)
ITEMS = st.lists(st.one_of(SAID, DECIDED, NUMBERED), max_size=12)


def by_the_contract(items: Sequence[Item]) -> dict[str, tuple[int, str]]:
    """Project and source of each claim, straight from the sentences of the contract."""
    events, project_events = split(items)
    found: dict[str, tuple[int, str]] = {}
    for claim in {e.claim_number for e in events}:
        own = sorted((e for e in events if e.claim_number == claim), key=lambda e: e.order)
        manual = [e for e in own if e.source == "manual"]
        automatic = [e for e in own if e.source != "manual" and e.project_id is not None]
        if manual and manual[-1].action == "set":
            found[claim] = (manual[-1].project_id or 0, "manual")
        elif automatic and not _number_went(automatic[-1], project_events):
            found[claim] = (automatic[-1].project_id or 0, automatic[-1].source)
    return found


def _number_went(event: IdentityEvent, project_events: Sequence[ProjectEvent]) -> bool:
    told = [p for p in project_events if p.project_id == event.project_id]
    newest = max(told, key=lambda p: (p.timestamp, p.event_id, p.claim_number or ""), default=None)
    is_newer = newest is not None and (newest.timestamp, newest.event_id) > (event.timestamp, event.event_id)
    return is_newer and newest is not None and newest.claim_key != event.claim_key


@settings(max_examples=300)
@given(ITEMS, st.randoms(use_true_random=False), st.lists(st.integers(0, 24), max_size=4))
def test_the_mapping_is_the_same_for_any_order_repetition_and_cut(items: list[Item], chance, cuts) -> None:  # type: ignore[no-untyped-def]
    """However the events are shuffled, repeated and cut into batches, the rows are those of the contract's sentences."""
    delivered = [*items, *chance.sample(items, len(items) // 2)]
    chance.shuffle(delivered)
    edges = [0, *sorted(min(cut, len(delivered)) for cut in cuts), len(delivered)]
    store = after(*[delivered[a:b] for a, b in pairwise(edges)])
    assert {c: (r.project_id, r.source) for c, r in store.rows.items()} == by_the_contract(items)
    assert store.rows == after(items).rows
    assert store.projects.keys() == after(items).projects.keys()


@given(ITEMS)
def test_a_batch_that_runs_again_changes_nothing(items: list[Item]) -> None:
    """On the state that it left, the same batch makes no entry, no row and no project."""
    store = after(items)
    again = store.take(items)
    assert (again.entries, again.claims, again.projects) == ((), {}, {})


@given(ITEMS, st.integers(0, 12))
def test_a_crash_after_any_effect_is_mended_by_the_next_run(items: list[Item], cut: int) -> None:
    """With the history written and rows or projects not, the same batch completes what is missing."""
    whole, first, second = after(items[:cut], items[cut:]), items[:cut], items[cut:]
    for has_projects in (False, True):
        store = after(first)
        rows, projects = dict(store.rows), dict(store.projects)
        result = store.take(second)
        store.rows = rows
        store.projects = {**projects, **result.projects} if has_projects else projects
        store.take(second)
        assert (store.rows, store.projects) == (whole.rows, whole.projects)


@given(ITEMS)
def test_every_event_has_one_entry(items: list[Item]) -> None:
    """Each distinct event stands in the history once, apart from the rows that it withdraws."""
    events, _ = split(items)
    entered = [e.event.identity for e in after(items, items).history]
    assert len(entered) == len(set(entered))
    assert set(entered) >= {event.identity for event in events}


@pytest.mark.parametrize("projects", [30])
def test_rivals_are_bounded(projects: int) -> None:
    """However many projects claim a number, the row names ten rivals."""
    store = after([said("A-1", p, p) for p in range(1, projects)])
    assert len(store.rows["A-1"].rivals) == 10
