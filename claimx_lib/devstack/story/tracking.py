"""Act one: cabinet tasks live their lives, and each step of each one is tracked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from claimx_lib.devstack.scenario import TRACKED_TEMPLATE, TrackingScenario, tracking_scenario
from claimx_lib.devstack.seed import seed_tracking
from claimx_lib.devstack.story.landed import Row, messages, rows
from claimx_lib.devstack.story.scene import Check, Scene

TABLE = "itel_cabinet_task_tracking"
BROKEN_TASKS = 3
COLUMNS = (
    "event_id, event_timestamp, task_id, assignment_id, project_id, task_status, previous_status, "
    "assigned_to_user_id, enrichment_status, enrichment_error"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an independent reader found after the run."""

    rows: Sequence[Row]
    letters: Sequence[Row]
    tracking: Sequence[Any]
    successes: Sequence[Any]
    errors: Sequence[Any]
    calls: Sequence[dict[str, Any]]


def play(scene: Scene) -> list[Check]:
    """Produce the events, run both jobs, tell what came of them; return every figure that must add up."""
    tell, scenario = scene.narrator, tracking_scenario(events=scene.events, seed=scene.seed, until=datetime.now(UTC))
    tell.heading("Act one: every step of every cabinet task")
    with tell.working("producing ClaimX events"):
        seed_tracking(scene.settings, scenario)
    failing = _break(scene, scenario)
    tell.say(
        f"{scenario.expected.produced} events on claimx.events: five templates, lives of {scenario.expected.tasks} cabinet"
        f" tasks, {scenario.expected.repeated} delivered twice, some broken."
    )
    tell.say(f"ClaimX answers 503 to one call in thirty, and always 500 for {BROKEN_TASKS} tasks.")
    with tell.working("task_trigger keeps template 32513; task_tracking validates, enriches, appends"):
        scene.jobs("task_trigger", "task_tracking")
    scene.simulator.clear_faults()
    outcome = _outcome(scene)
    _tell(scene, scenario, outcome)
    with tell.working("running both again: nothing is new, nothing may be added"):
        calls_before = len(outcome.calls)
        scene.jobs("task_trigger", "task_tracking")
    again = _outcome(scene)
    return [
        *_checks(scenario, outcome, failing),
        Check(what="rows added by a second run", sent=0, landed=len(again.rows) - len(outcome.rows)),
        Check(what="ClaimX calls made by a second run", sent=0, landed=len(again.calls) - calls_before),
    ]


def _break(scene: Scene, scenario: TrackingScenario) -> set[int]:
    """A few tasks whose details ClaimX can't give, and some bad luck for all others."""
    tracked = [t["id"] for t in scenario.tasks if t["task_id"] == TRACKED_TEMPLATE]
    failing = set(tracked[:BROKEN_TASKS])
    for task in sorted(failing):
        scene.simulator.fault("status", method="GET", path=f"/api/v1/tasks/{task}", status=500)
    scene.simulator.fault(
        "status", method="GET", path="/api/v1/tasks/*", status=503, probability=1 / 30, seed=scene.seed
    )
    return failing


def _outcome(scene: Scene) -> Outcome:
    settings, topics = scene.settings, scene.settings.kafka.topics
    return Outcome(
        rows=rows(settings, TABLE, COLUMNS),
        letters=rows(settings, "dead_letters", "dead_letter_id, pipeline, reason"),
        tracking=messages(settings, topics.tracking),
        successes=messages(settings, topics.tracking_success),
        errors=messages(settings, topics.tracking_errors),
        calls=[r for r in scene.simulator.requests() if r["path"].startswith("/api/v1/tasks/")],
    )


def _checks(scenario: TrackingScenario, outcome: Outcome, failing: set[int]) -> list[Check]:
    sent, expected = _tracked_events(scenario), scenario.expected
    refused = Counter(letter["reason"] for letter in outcome.letters)
    statuses = Counter(row["enrichment_status"] for row in outcome.rows)
    failed = sum(event["task"]["assignment_id"] in failing for event in sent.values())
    undecodable = expected.refused.get("undecodable", 0)  # refused by task_trigger, before there is a message
    ours = expected.tracked + expected.repeated + sum(expected.refused.values()) - undecodable
    return [
        Check(what="messages kept by task_trigger", sent=ours, landed=len(outcome.tracking)),
        Check(what="rows, one for each event", sent=expected.tracked, landed=len(outcome.rows)),
        Check(
            what="events and statuses in the rows",
            sent={(i, e["task"]["status"]) for i, e in sent.items()},
            landed={(row["event_id"], row["task_status"]) for row in outcome.rows},
        ),
        Check(what="tasks tracked", sent=expected.tasks, landed=len({row["assignment_id"] for row in outcome.rows})),
        Check(what="rows whose task ClaimX does not know", sent=expected.not_found, landed=statuses["not_found"]),
        Check(what="rows whose enrichment failed", sent=failed, landed=statuses["failed"]),
        Check(what="rows enriched", sent=expected.tracked - expected.not_found - failed, landed=statuses["enriched"]),
        Check(what="dead letters by reason", sent=dict(expected.refused), landed=dict(refused)),
        Check(
            what="events in the success topic", sent=set(sent), landed={m.value["event_id"] for m in outcome.successes}
        ),
        Check(
            what="errors published: refused messages and failed enrichments",
            sent=sum(expected.refused.values()) - undecodable + failed,
            landed=len(outcome.errors),
        ),
        Check(
            what="tasks asked for at ClaimX",
            sent=_asked(sent),
            landed={int(c["path"].split("/")[-1]) for c in outcome.calls},
        ),
    ]


def _tracked_events(scenario: TrackingScenario) -> dict[str, dict[str, Any]]:
    """The producer's own ledger: what it sent of the tracked template, by event id, broken ones aside."""
    found = {}
    for record in scenario.records:
        try:
            event = json.loads(record.value)
        except ValueError:
            continue
        is_ours = isinstance(event, dict) and event["task"]["task_id"] == TRACKED_TEMPLATE
        if is_ours and not event["event_id"].startswith("evt-broken"):
            found[event["event_id"]] = event
    return found


def _asked(sent: dict[str, dict[str, Any]]) -> set[int]:
    return {event["task"]["assignment_id"] for event in sent.values()}


def _tell(scene: Scene, scenario: TrackingScenario, outcome: Outcome) -> None:
    tell, expected = scene.narrator, scenario.expected
    enriched = Counter(row["enrichment_status"] for row in outcome.rows)
    reasons = Counter(letter["reason"] for letter in outcome.letters)
    tell.figures(
        "What became of the events",
        ("figure", "count"),
        [
            ("produced on claimx.events", expected.produced),
            ("of other templates, or none of ours: left alone", expected.not_ours),
            ("kept for template 32513", len(outcome.tracking)),
            ("rows in itel_cabinet_task_tracking", len(outcome.rows)),
            *((f"  enrichment {status}", count) for status, count in sorted(enriched.items())),
            ("second deliveries, no second row", expected.repeated),
            *((f"refused: {reason}", count) for reason, count in sorted(reasons.items())),
            ("calls to ClaimX, retries included", len(outcome.calls)),
        ],
    )
    _tell_timeline(scene, outcome.rows)
    _tell_transitions(scene, outcome.rows)


def _tell_timeline(scene: Scene, found: Sequence[Row]) -> None:
    longest = Counter(row["assignment_id"] for row in found).most_common(1)[0][0]
    life = sorted(
        (r for r in found if r["assignment_id"] == longest), key=lambda r: (r["event_timestamp"], r["event_id"])
    )
    scene.narrator.figures(
        f"The life of task {longest} of project {life[0]['project_id']}",
        ("at (UTC)", "status", "before", "user", "details"),
        [
            (
                row["event_timestamp"].strftime("%Y-%m-%d %H:%M:%S"),
                row["task_status"],
                row["previous_status"] or "-",
                row["assigned_to_user_id"],
                row["enrichment_status"],
            )
            for row in life
        ],
    )


def _tell_transitions(scene: Scene, found: Sequence[Row]) -> None:
    changes = Counter((row["previous_status"] or "(new)", row["task_status"]) for row in found)
    scene.narrator.figures(
        "Status transitions",
        ("from", "to", "count"),
        [(before, after, count) for (before, after), count in changes.most_common()],
    )
