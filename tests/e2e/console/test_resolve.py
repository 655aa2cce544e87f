"""The whole way, as a person goes it: list, letter, suggestion, decision, and the claim's task in ClaimX."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from claimx_lib import runtime
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.console.security import Gate
from claimx_lib.console.serve import desk_of
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.schemas.topics import topic_specs
from tests.fakes.world import World, Worlds

JOBS = ("mapping_sync", "task_creation")
CLAIM, PROJECT = "ABC-123456", 55012
QUICK = (
    "jobs.task_creation.max_retries=0",
    "jobs.task_creation.settle_seconds=0",
    "jobs.task_creation.negative_cache_seconds=0",
    "jobs.task_creation.trigger_seconds=0",
    "jobs.mapping_sync.trigger_seconds=0",
)


@pytest.fixture
def world(new: Worlds) -> World:
    """Topics and tables of task creation; a person's decisions go where the projects' events go."""
    own = uuid4().hex[:8]
    topics = [f"kafka.topics.{name}={own}.sync" for name in ("project_sync", "manual_decisions")]
    topics += [f"kafka.topics.xact_events={own}.xact", f"jobs.task_creation.retry_topic={own}.retry"]
    made = new(*QUICK, *topics, f"jobs.task_creation.dlq_topic={own}.dlq")
    create_topics(made.settings.kafka, [s for s in topic_specs(made.settings) if s.name.startswith(own)])
    return made


def run(world: World) -> None:
    """Both jobs over what is there."""
    assert runtime.run(JOBS, world.settings, available_now=True, metrics=world.metrics).failures == ()


def dead_lettered(world: World, simulator: Simulator) -> None:
    """A claim that ClaimX has under another spelling, given up by the machine."""
    simulator.control.put_project(PROJECT, "123456", insured_name="Dana Whitfield")
    project = {"project_id": str(PROJECT), "claim_number": "123456", "project_name": "Whitfield kitchen"}
    created = {"event_id": "p1", "event_type": "PROJECT_CREATED", "project_id": str(PROJECT), "project": project}
    world.send("claimx_events", [{**created, "timestamp": "2026-01-10T12:00:00Z"}])
    event = {"event_id": "x1", "event_type": "ESTIMATE_CREATED", "claim_number": CLAIM}
    world.send("xact_events", [{**event, "timestamp": "2026-01-10T12:00:00Z"}], key=CLAIM)
    run(world)
    tables = DeltaSql(root=world.settings.storage.warehouse)
    states = tables.ask("SELECT state, reason FROM t WHERE event_id = 'x1'", "dead_letters").rows
    assert states == ({"state": "OPEN", "reason": "project-not-found"},)
    assert simulator.control.tasks() == []


@pytest.mark.long
def test_a_person_resolves_a_letter_and_its_task_exists_in_claimx(
    world: World, simulator: Simulator, serve, visit: Callable, free_port: int
) -> None:
    """From the list to a suggestion to one decision: the identity event says who and why, the claim's task exists once in
    ClaimX, the letter is resolved, and the page that waited has told each step.
    """
    dead_lettered(world, simulator)
    with serve(desk_of(world.settings, Gate(host="127.0.0.1", port=free_port))) as base:
        seen = visit(base)
        page = seen.page
        page.get_by_role("link", name=CLAIM).click()
        page.get_by_role("link", name="the same digits without the letters ABC").click()
        page.get_by_text("Dana Whitfield").wait_for()
        assert page.locator(".makes strong").text_content() == "1 task"
        panel = page.locator("#decision")
        panel.get_by_label("Your name").fill("Ana Duarte")
        panel.get_by_label("Why").fill("same insured")
        panel.get_by_role("button", name="Save mapping and replay").click()
        page.get_by_text("The decision is saved").wait_for()
        told = [m["value"] for m in world.received("manual_decisions")]
        assert [(m["domain"], m["claim_number"], m["project_id"], m["by"], m["why"]) for m in told] == [
            ("manual", CLAIM, PROJECT, "Ana Duarte", "same insured")
        ]
        run(world)
        page.locator(".steps li.open").first.wait_for(state="detached", timeout=240_000)
        (task,) = simulator.control.tasks()
        assert str(task["project_id"]) == str(PROJECT)
        assert f"task {task['id']}" in page.locator(".progress").text_content()
        page.reload()
        assert page.locator("h1 .state").text_content() == "Resolved"
        assert page.get_by_text("by Ana Duarte", exact=False).first.is_visible()
        assert seen.complaints == []
    (letter,) = DeltaSql(root=world.settings.storage.warehouse).ask('SELECT "by", why FROM t', "dead_letters").rows
    assert letter == {"by": "Ana Duarte", "why": "same insured"}
    run(world)
    assert len(simulator.control.tasks()) == 1, json.dumps(simulator.control.tasks())
