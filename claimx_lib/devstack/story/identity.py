"""Act two: every estimate finds its project, by itself or by a person, and makes one task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from claimx_lib.devstack.story import estimates as cast
from claimx_lib.devstack.story.estimates import DROPPED, EARLY, LOST, MISMATCHES, RIVALS, UNSET, USUAL, Case
from claimx_lib.devstack.story.landed import Row, messages, rows
from claimx_lib.devstack.story.scene import Check, Scene
from claimx_lib.devstack.waiting import wait_until

JOBS = ("mapping_sync", "task_creation")
WAIT_SECONDS = 240.0
BY = ("--by", "demo", "--why")
KNOWN = (*USUAL, DROPPED, MISMATCHES[0])
"""Cases whose projects ClaimX has told of by an event; the other mismatches are only found by asking its API."""
TO_CREATE = (*USUAL, DROPPED, *MISMATCHES, EARLY, UNSET, LOST)
"""Cases whose estimates make a task in the end."""


def play(scene: Scene) -> list[Check]:
    """Let estimates come in, settle by hand what only a person can, and hold ClaimX's own log to the events sent."""
    scene.narrator.heading("Act two: every estimate finds its project")
    scene.beside(JOBS, lambda: _story(scene))
    made = scene.simulator.tasks()
    letters = rows(scene.settings, "dead_letters", "dead_letter_id, pipeline, reason, state, claim_number")
    ours = [letter for letter in letters if letter["pipeline"] == "task_creation"]
    ledger = _newest(rows(scene.settings, "xact_task_ledger", "idempotency_key, state, at, resolved_by, claim_number"))
    _tell(scene, made, ours, ledger)
    return _checks(scene, made, ours, ledger)


def _story(scene: Scene) -> None:
    tell, settings = scene.narrator, scene.settings
    known = [*KNOWN, *RIVALS, MISMATCHES[1], MISMATCHES[2], UNSET, LOST]
    scene.simulator.put_projects([cast.as_project(case) for case in known])
    path = f"/api/v1/projects/{DROPPED.project_id}/tasks"
    scene.simulator.fault("drop_after_commit", method="POST", path=path, count=1)
    cast.send_projects(settings, [*KNOWN, *RIVALS])
    with tell.working("ClaimX tells of its projects: mapping_sync maps them"):
        _until(
            lambda: len(rows(settings, "claim_project_mapping", "claim_number")) >= len(KNOWN), "projects are mapped"
        )
    _send(scene)
    with tell.working(
        f"{len(USUAL)} ordinary estimates, and {len(MISMATCHES)} whose claim numbers are written otherwise"
    ):
        _until(lambda: _has_tasks(scene, [*USUAL, *MISMATCHES]), "tasks of known projects are made")
    _early(scene)
    _by_a_person(scene)
    with tell.working(f"{DROPPED.claim}: {DROPPED.told}; looked up by its reference and adopted, not sent twice"):
        _until(lambda: _has_tasks(scene, [DROPPED]), "the task in doubt is settled")
    with tell.working(f"{EARLY.claim}: its project's event has woken it"):
        _until(lambda: _has_tasks(scene, [EARLY]), f"the task of {EARLY.claim} is made")
    with tell.working(f"{UNSET.claim}: the decision arrives and makes the task"):
        _until(lambda: _has_tasks(scene, [UNSET]), f"the task of {UNSET.claim} is made")
    _lost(scene)


def _send(scene: Scene) -> None:
    """All estimates at once: while those without a project wait for their next try, the others make their tasks."""
    cases = [*USUAL, *MISMATCHES, DROPPED, RIVALS[0], EARLY, UNSET, LOST]
    not_ours = [cast.estimate(case, event_type="ESTIMATE_UPDATED") for case in USUAL[:5]]
    again = [cast.estimate(case) for case in USUAL[:5]]
    cast.send_estimates(scene.settings, [*map(cast.estimate, cases), *not_ours, *again])


def _early(scene: Scene) -> None:
    scene.narrator.say(f"{EARLY.claim}: {EARLY.told}. Now ClaimX tells of the project.")
    scene.simulator.put_projects([cast.as_project(EARLY)])
    cast.send_projects(scene.settings, [EARLY])


def _by_a_person(scene: Scene) -> None:
    scene.narrator.say(f"{UNSET.claim}: {UNSET.told}. A person knows the project:")
    scene.operate(["mapping", "set", UNSET.claim, str(UNSET.project_id), *BY, "seen in the file"])


def _lost(scene: Scene) -> None:
    with scene.narrator.working(f"{LOST.claim}: {LOST.told}; four tries, then the DLQ"):
        _until(lambda: _letter_of(scene, LOST) is not None, f"{LOST.claim} is in the DLQ")
    letter = _letter_of(scene, LOST)
    if letter is not None:
        scene.operate(
            ["dlq", "resolve", letter["dead_letter_id"], "--project", str(LOST.project_id), *BY, "asked the adjuster"]
        )
    with scene.narrator.working(f"{LOST.claim}: resolved by hand, replayed by itself"):
        _until(lambda: _has_tasks(scene, [LOST]), f"the task of {LOST.claim} is made")
        _until(lambda: (_letter_of(scene, LOST) or {}).get("state") == "RESOLVED", "the dead letter is closed")


def _until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, timeout_seconds=WAIT_SECONDS, interval_seconds=0.5, cure="see spark.log")


def _has_tasks(scene: Scene, cases: Sequence[Case]) -> bool:
    """ClaimX has the task and our ledger knows of it."""
    done = {"CREATED", "ADOPTED"}
    settled = {row["claim_number"] for row in _ledger(scene) if row["state"] in done}
    return {case.claim for case in cases} <= settled


def _ledger(scene: Scene) -> list[Row]:
    return rows(scene.settings, "xact_task_ledger", "claim_number, state")


def _letter_of(scene: Scene, case: Case) -> Row | None:
    found = rows(scene.settings, "dead_letters", "dead_letter_id, claim_number, state, pipeline")
    return next((row for row in found if row["claim_number"] == case.claim), None)


def _newest(ledger: list[Row]) -> list[Row]:
    ordered = sorted(ledger, key=lambda row: (row["at"], row["state"] != "INTENT"))
    return list({row["idempotency_key"]: row for row in ordered}.values())


def _checks(scene: Scene, made: Sequence[dict[str, Any]], letters: list[Row], ledger: list[Row]) -> list[Check]:
    log = [r for r in scene.simulator.requests() if r["method"] == "POST" and r["path"].endswith("/tasks")]
    dlq = messages(scene.settings, scene.settings.jobs.task_creation.dlq_topic)
    return [
        Check(
            what="tasks in ClaimX's own log, one for each event, at the right project",
            sent=dict(Counter(str(case.project_id) for case in TO_CREATE)),
            landed=dict(Counter(r["path"].split("/")[-2] for r in log if r["created_task_id"] is not None)),
        ),
        Check(
            what="tasks with a reference of their own",
            sent=len(TO_CREATE),
            landed=len({t.get("external_reference") for t in made}),
        ),
        Check(
            what="ledger by state",
            sent={"CREATED": len(TO_CREATE) - 1, "ADOPTED": 1},
            landed=dict(Counter(row["state"] for row in ledger if row["state"] != "SKIPPED")),
        ),
        Check(
            what="dead letters left: the ambiguous claim, for a person",
            sent={f"{RIVALS[0].claim} ambiguous-project": 1},
            landed=dict(Counter(f"{r['claim_number']} {r['reason']}" for r in letters if r["state"] != "RESOLVED")),
        ),
        Check(
            what="dead letter of the lost claim",
            sent={f"{LOST.claim} project-not-found RESOLVED": 1},
            landed=dict(Counter(_told(row) for row in letters if row["claim_number"] == LOST.claim)),
        ),
        Check(
            what="messages in the DLQ topic, one for each dead letter",
            sent=dict(Counter(letter["reason"] for letter in letters)),
            landed=dict(Counter(message.headers.get("x-dlq-reason") for message in dlq)),
        ),
        Check(what="claims left waiting", sent=0, landed=len(rows(scene.settings, "xact_task_pending", "event_id"))),
    ]


def _told(letter: Row) -> str:
    return f"{letter['claim_number']} {letter['reason']} {letter['state']}"


def _tell(scene: Scene, made: Sequence[dict[str, Any]], letters: list[Row], ledger: list[Row]) -> None:
    found_by = Counter(row["resolved_by"] or "-" for row in ledger if row["state"] in {"CREATED", "ADOPTED"})
    scene.narrator.figures(
        "What became of the estimates",
        ("figure", "count"),
        [
            ("estimates that ask for a task", len(TO_CREATE) + 1),
            ("tasks in ClaimX", len(made)),
            *((f"  project found by {rule}", count) for rule, count in found_by.most_common()),
            *((f"dead letter: {row['reason']}, {row['claim_number']}, {row['state']}", 1) for row in letters),
        ],
    )
    scene.operate(["explain", LOST.claim])
