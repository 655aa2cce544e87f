"""The checker itself: silent about a world in which all went well, and each invariant's breach is told with its ids."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import fault_evidence as made
from tests.fakes.fault_evidence import NOON, identity_evidence, ledger_row, look, post, seconds, tracking_evidence
from tests.faults.checker import OF_PIPELINE, violations
from tests.faults.evidence import Committed, Evidence

TRACKING, SUCCESS = "itel_cabinet_task_tracking", "tracking_success"


def with_table(evidence: Evidence, name: str, rows: list[dict[str, Any]]) -> Evidence:
    return replace(evidence, tables={**evidence.tables, name: rows})


def with_topic(evidence: Evidence, role: str, messages: list[Any]) -> Evidence:
    return replace(evidence, topics={**evidence.topics, role: messages})


def without_letters(evidence: Evidence, pipeline: str) -> Evidence:
    kept = [row for row in evidence.table("dead_letters") if row["pipeline"] != pipeline]
    return with_table(evidence, "dead_letters", kept)


def doubled(evidence: Evidence, table: str) -> Evidence:
    return with_table(evidence, table, [*evidence.table(table), *evidence.table(table)])


GOOD = {"tracking": tracking_evidence(), "identity": identity_evidence()}
UNKNOWN_ROW = made.row("nobody's")
SAID_TWICE = [made.success((SUCCESS, 0, n), made.row("e1", task_status=s)) for n, s in enumerate(("assigned", "done"))]
MADE_ANEW = [
    made.success((SUCCESS, 0, n), made.row("e1"), processed_at=f"2026-01-10T12:0{n}:00.000Z") for n in range(2)
]
CUT = [made.success((SUCCESS, 0, 0), {k: v for k, v in made.row("e1").items() if k != "project_id"})]
FROM_OTHER, FROM_NOWHERE = ({"x-source": f"claimx_events/0/{offset}"} for offset in (2, 99))
BROKEN_TRACKING = {
    "I9: the token stands in: drivers.log": replace(GOOD["tracking"], leaks=["drivers.log"]),
    "I9: no log of Spark's JVM": replace(GOOD["tracking"], jvm_logs=()),
    "I1 claimx.events: an event of ours": with_topic(GOOD["tracking"], "tracking", []),
    "I1 claimx.events: a bad record": without_letters(GOOD["tracking"], "task_trigger"),
    "I1 claimx.events: an event of ours that lacks": with_topic(
        GOOD["tracking"], "tracking", GOOD["tracking"].topic("tracking")[:2]
    ),
    "I1 claimx.events: a record that is not ours": with_topic(
        GOOD["tracking"],
        "tracking",
        [*GOOD["tracking"].topic("tracking"), made.told(("tracking", 0, 3), {"event_id": "e1"}, FROM_OTHER)],
    ),
    "I1 tracking: a message that comes": with_topic(
        GOOD["tracking"],
        "tracking",
        [*GOOD["tracking"].topic("tracking"), made.told(("tracking", 0, 3), {"event_id": "e1"}, FROM_NOWHERE)],
    ),
    "I1 claimx.events: a dead letter of no record": with_table(
        GOOD["tracking"],
        "dead_letters",
        [*GOOD["tracking"].table("dead_letters"), made.letter("task_trigger", ("claimx_events", 0, 99))],
    ),
    "I1 tracking: a message without": without_letters(GOOD["tracking"], "task_tracking"),
    "I1 tracking: a message with more": doubled(GOOD["tracking"], "dead_letters"),
    "I1 tracking table: an event without": with_table(GOOD["tracking"], TRACKING, []),
    "I1 tracking table: a row of": with_table(GOOD["tracking"], TRACKING, [made.row("e1"), UNKNOWN_ROW]),
    "I6: a row without": with_topic(GOOD["tracking"], SUCCESS, []),
    "I6: a success message without": with_topic(
        GOOD["tracking"], SUCCESS, [*GOOD["tracking"].topic(SUCCESS), made.success((SUCCESS, 0, 1), UNKNOWN_ROW)]
    ),
    "I6: a success message contradicts": with_topic(GOOD["tracking"], SUCCESS, SAID_TWICE),
    "I6: a success message contradicts the row: e1": with_topic(GOOD["tracking"], SUCCESS, MADE_ANEW),
    "I6: a success message contradicts the row": with_topic(GOOD["tracking"], SUCCESS, CUT),
    "I7": doubled(GOOD["tracking"], TRACKING),
    "I8: a job has not read": replace(GOOD["tracking"], lag={"task_trigger": 3}),
    "I10: no restart": replace(GOOD["tracking"], stills=(made.still(),)),
    "I10: a restart without input wrote": replace(
        GOOD["tracking"], stills=(made.still(), made.still(versions={"dead_letters": 4}))
    ),
    "I10: a restart without input sent": replace(
        GOOD["tracking"], stills=(made.still(), made.still(ends={"tracking": 8}))
    ),
    "I10: a restart without input made calls": replace(GOOD["tracking"], stills=(made.still(), made.still(calls=3))),
    "I11": replace(GOOD["tracking"], calls=tuple(look(n / 100) for n in range(60))),
}


def waited(then_at: float, version: int = 1) -> list[dict[str, Any]]:
    """A plan that tells an event to wait for five seconds, and the next one."""
    payload = json.dumps({"next_attempt_at": made.at(5).isoformat()})
    base = {"event_id": "x1", "payload": payload, "query_id": "q"}
    return [
        {**base, "decision": "Wait", "at": made.at(0), "mapping_version": 1},
        {**base, "decision": "Create", "at": made.at(then_at), "mapping_version": version},
    ]


def sent_again(
    reason: str, *, then_at: float = 5, attempt: str = "b.1", resolved_by: str = "mapping:exact", **plan: Any
) -> Evidence:
    """Two POSTs of one event, the first of which was not taken; `plan` is said of the second one's."""
    rows = made.sent_again(reason, then_at, attempt, resolved_by=resolved_by)
    world = identity_evidence(*rows, calls=(post(2, status=429), post(then_at + 1, created_task_id=900)))
    then = made.planned("b", **{"planned_at": then_at - 1, "is_pending": True, **plan})
    return replace(world, plan=[made.planned("a", 0), then])


CREATED = Committed(at=seconds(3), row=ledger_row("CREATED", claimx_task_id="900"))
INTENT = Committed(at=seconds(1), row=ledger_row("INTENT"))
SECOND = Committed(at=seconds(20), row=ledger_row("INTENT", "b.1", expires_at=made.at(30)))
SECOND_DONE = Committed(at=seconds(22), row=ledger_row("CREATED", "b.1", claimx_task_id="901"))
ABSENT = Committed(at=seconds(19), row=ledger_row("NOT_SENT", reason="not-there", expires_at=None))
LOST = post(2, status=None)
SENT_AGAIN = post(21, created_task_id=901)
LATE_ROW = {"claim_number": "C-1", "project_id": 8, "event_id": "i0", "source": "claimx"}
PENDING = [{"event_id": "x1"}]
NAMED = [made.project_event("p2", NOON), made.project_event("p1", NOON - timedelta(days=1))]
IDENTITY = GOOD["identity"]


def with_projects(*rows: dict[str, Any]) -> Evidence:
    """A world in which events have told a project's name twice, and these rows of it."""
    messages = [made.told(("claimx_events", 0, n), event) for n, event in enumerate(NAMED)]
    return with_table(with_topic(IDENTITY, "claimx_events", messages), "claimx_projects", list(rows))


BROKEN_IDENTITY = {
    "I1 project.sync: a bad record": without_letters(IDENTITY, "mapping_sync"),
    "I1 project.sync: a dead letter of": with_table(
        IDENTITY,
        "dead_letters",
        [*IDENTITY.table("dead_letters"), made.letter("mapping_sync", ("project_sync", 0, 0))],
    ),
    "I1 history: a statement is missing": with_table(IDENTITY, "claim_project_mapping_history", []),
    "I1 history: a statement twice": doubled(IDENTITY, "claim_project_mapping_history"),
    "I1 history: a line that nobody said": with_topic(IDENTITY, "project_sync", []),
    "I1 xact.events: a bad record": without_letters(IDENTITY, "task_creation"),
    "I1 xact.events: an event without": with_table(IDENTITY, "xact_task_ledger", []),
    "I1 xact.events: an event with several": with_table(IDENTITY, "xact_task_pending", PENDING),
    "I1 xact.events: an end of": with_table(IDENTITY, "xact_task_pending", [{"event_id": "nobody's"}]),
    "I2": identity_evidence(calls=(post(2, created_task_id=900), post(2.5, created_task_id=901))),
    "I3: neither": identity_evidence(INTENT, calls=(LOST,)),
    "I3: a task of no event": identity_evidence(
        calls=(post(2, created_task_id=900), post(2, reference="?", created_task_id=901))
    ),
    "I3: a task that the ledger": identity_evidence(INTENT, calls=(post(2, created_task_id=900),)),
    "I3: the ledger names": identity_evidence(calls=(post(2, created_task_id=902),)),
    "I4: a POST without": identity_evidence(replace(INTENT, at=seconds(2.5)), CREATED),
    "I4: a new INTENT": identity_evidence(INTENT, SECOND, SECOND_DONE, calls=(LOST, SENT_AGAIN)),
    "I4: an outcome": identity_evidence(CREATED),
    "I5: more than one": doubled(IDENTITY, "claim_project_mapping"),
    "I5: a claim has": with_table(IDENTITY, "claim_project_mapping", [LATE_ROW]),
    "I5: more than one row of a project": with_projects(made.project_row("p2"), made.project_row("p2")),
    "I5: a project is told by another": with_projects(made.project_row("p1")),
    "I5: a project is told": with_projects(made.project_row("p2", claim_number="C-1", claim_event_id="p1")),
    "I8: still pending": with_table(IDENTITY, "xact_task_pending", PENDING),
    "I8: more attempts": with_table(
        IDENTITY, "dead_letters", [made.letter("task_creation", ("xact_events", 0, 0), event_id="x1", attempts=4)]
    ),
    "I8: a retry past": with_topic(IDENTITY, "retry", [made.told(("retry", 0, 0), {}, {"x-retry-count": "3"})]),
    "I8: tried before": replace(IDENTITY, plan=waited(then_at=4)),
    "I8: to be sent again before": sent_again("rate-limited"),
}


@pytest.mark.parametrize("pipeline", sorted(OF_PIPELINE))
def test_a_sound_world_breaks_nothing(pipeline: str) -> None:
    """Where everything went well the checker has nothing to say."""
    assert violations(GOOD[pipeline], pipeline) == []


@pytest.mark.parametrize("sentence", BROKEN_TRACKING)
def test_a_broken_tracking_world_is_told(sentence: str) -> None:
    """Each breach of an invariant of tracking is found, and told by the sentence for it."""
    assert any(told.startswith(sentence) for told in violations(BROKEN_TRACKING[sentence], "tracking"))


@pytest.mark.parametrize("sentence", BROKEN_IDENTITY)
def test_a_broken_identity_world_is_told(sentence: str) -> None:
    """Each breach of an invariant of mapping and creation is found, and told by the sentence for it."""
    assert any(told.startswith(sentence) for told in violations(BROKEN_IDENTITY[sentence], "identity"))


def test_a_table_that_was_lost_has_rows_of_another_time() -> None:
    """Messages of the rows before stand on the topic still."""
    anew = replace(with_topic(GOOD["tracking"], SUCCESS, MADE_ANEW), rows_made_twice=True)
    assert violations(anew, "tracking") == []


def test_every_invariant_is_broken_by_some_world() -> None:
    """No invariant's check goes untested."""
    tried = {sentence.partition(" ")[0].rstrip(":") for sentence in (*BROKEN_TRACKING, *BROKEN_IDENTITY)}
    assert {name for checks in OF_PIPELINE.values() for name in checks} == tried


def test_a_project_that_is_gone_answers_a_look() -> None:
    """404 for the project of a task says that the task is not there either."""
    gone = tuple(replace(look(at), status=404) for at in (12, 13))
    calls = (LOST, *gone, SENT_AGAIN)
    assert violations(identity_evidence(INTENT, ABSENT, SECOND, SECOND_DONE, calls=calls), "identity") == []


def test_a_lost_answer_looked_up_twice_may_be_sent_again() -> None:
    """After its time and two looks that found nothing, a second INTENT and POST break no invariant."""
    calls = (LOST, look(12), look(13), SENT_AGAIN)
    assert violations(identity_evidence(INTENT, ABSENT, SECOND, SECOND_DONE, calls=calls), "identity") == []


def test_an_answer_that_says_nothing_is_no_look() -> None:
    """A page with 200, or half of the JSON, does not say that a task is not there."""
    calls = (LOST, look(12), replace(look(13), fault="html"), SENT_AGAIN)
    found = violations(identity_evidence(INTENT, ABSENT, SECOND, SECOND_DONE, calls=calls), "identity")
    assert [told.partition(":")[0] for told in found] == ["I4"]


def test_an_intent_beside_another_process_is_none() -> None:
    """Who finds an INTENT of another process before its own sends nothing, and says so."""
    beside = Committed(at=seconds(1.5), row=ledger_row("INTENT", "c.1"))
    lost = Committed(at=seconds(1.6), row=ledger_row("NOT_SENT", "c.1", reason="not-owner", expires_at=None))
    calls = (post(2, created_task_id=900),)
    assert violations(identity_evidence(INTENT, beside, lost, CREATED, calls=calls), "identity") == []
    in_doubt = identity_evidence(INTENT, beside, lost, SECOND, SECOND_DONE, calls=(LOST, SENT_AGAIN))
    assert any(told.startswith("I4: a new INTENT") for told in violations(in_doubt, "identity"))


@pytest.mark.parametrize("looks", [(12,), (9, 10)])
def test_absent_needs_two_looks_after_its_time(looks: tuple[float, ...]) -> None:
    """One look, or looks before the send has expired and settled, do not allow a second one."""
    calls = (LOST, *map(look, looks), SENT_AGAIN)
    found = violations(identity_evidence(INTENT, ABSENT, SECOND, SECOND_DONE, calls=calls), "identity")
    assert [told.partition(":")[0] for told in found] == ["I4"]


def test_a_post_after_its_intent_has_expired_is_told() -> None:
    """Nobody posts under an INTENT that has expired."""
    late = identity_evidence(INTENT, replace(CREATED, at=seconds(12)), calls=(post(11, created_task_id=900),))
    assert any(told.startswith("I4: a POST without") for told in violations(late, "identity"))


@pytest.mark.parametrize(("domain", "action", "holder"), [("manual", "set", 8), ("manual", "unset", 7)])
def test_a_persons_older_word_wins_until_it_is_taken_back(domain: str, action: str, holder: int) -> None:
    """A manual statement beats a newer automatic one; a manual unset gives the claim back to the newest."""
    older = NOON - timedelta(days=1)
    said = [made.statement(7, "i1", NOON), made.statement(8, "i0", older, domain, action)]
    topic = [made.told(("project_sync", 0, n), value) for n, value in enumerate(said)]
    lines = [made.history(7, "i1", NOON), made.history(8, "i0", older, domain, action)]
    world = with_table(with_topic(IDENTITY, "project_sync", topic), "claim_project_mapping_history", lines)
    name, source = ("i0", "manual") if holder == 8 else ("i1", "claimx")
    row = {"claim_number": "C-1", "project_id": holder, "event_id": name, "source": source}
    assert violations(with_table(world, "claim_project_mapping", [row]), "identity") == []


def test_a_project_is_as_its_newest_event_tells() -> None:
    """Name and event of the greatest, whatever came last."""
    assert violations(with_projects(made.project_row("p2")), "identity") == []


def test_a_mapping_that_arrives_may_wake_an_event_early() -> None:
    """An event may be tried before its time where the mapping has changed since."""
    assert violations(replace(IDENTITY, plan=waited(then_at=4, version=2)), "identity") == []


def test_a_new_query_looks_at_all_that_wait() -> None:
    """The first batch of a new checkpoint wakes every event: what it finds in the mapping is due at once."""
    then = {**waited(then_at=4)[1], "query_id": "another"}
    assert violations(replace(IDENTITY, plan=[waited(then_at=4)[0], then]), "identity") == []


UNTAKEN = "api-unavailable"
IN_TIME = {
    "after its time": sent_again("rate-limited", then_at=8),
    "a run of the same batch": sent_again("rate-limited", attempt="a.2"),
    "a plan that was made before": sent_again("rate-limited", planned_at=2),
    "a plan that nobody has": sent_again("rate-limited", attempt="c.1"),
    "woken by a mapping": sent_again(UNTAKEN, mapping_version=2),
    "woken by a new query": sent_again(UNTAKEN, query_id="another"),
    "back from a dead letter": sent_again(UNTAKEN, is_pending=False, letters=["l"], resolved_by="api:exact"),
    "left to no pending row": sent_again(UNTAKEN, is_pending=False, query_id="another", resolved_by="api:exact"),
}
TOO_EARLY = {
    "for the 429's own pause": sent_again("rate-limited", mapping_version=2),
    "though it came back": sent_again("rate-limited", is_pending=False, letters=["l"]),
    "though the query is new": sent_again("rate-limited", query_id="another"),
    "woken by nothing": sent_again(UNTAKEN),
    "woken, but found by the API": sent_again(UNTAKEN, mapping_version=2, resolved_by="api:exact"),
    "pending, whatever its letters": sent_again(UNTAKEN, letters=["l"]),
    "known, and not pending": sent_again(UNTAKEN, is_pending=False),
}


@pytest.mark.parametrize("why", IN_TIME)
def test_a_key_may_be_sent_again(why: str) -> None:
    """After its time; before it where something wakes the event, and where another process knew of no refusal."""
    assert violations(IN_TIME[why], "identity") == []


@pytest.mark.parametrize("why", TOO_EARLY)
def test_a_key_is_not_sent_again_before_its_time(why: str) -> None:
    """What ClaimX asked to wait for holds for everybody; another refusal for all that nothing has woken."""
    assert [told.partition(" (")[0] for told in violations(TOO_EARLY[why], "identity")] == [
        "I8: to be sent again before its time: x1"
    ]
