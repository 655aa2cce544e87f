from __future__ import annotations

from datetime import UTC, datetime

from claimx_lib.config.load import load
from claimx_lib.connectors.kafka_offsets import offset_ranges
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.scenario import tracking_scenario
from claimx_lib.devstack.seed import seed_tracking
from claimx_lib.devstack.simulator.process import Simulator


def test_a_seeded_stack_holds_the_scenario(broker: Broker) -> None:
    """After seeding, the topic holds each record of the scenario and ClaimX knows its projects and tasks."""
    scenario = tracking_scenario(events=1500, seed=5, until=datetime(2026, 1, 10, tzinfo=UTC))
    topic = "claimx.events.seeded"
    with Simulator(token="seed") as claimx:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "CLAIMX_API_BASE_URL": claimx.base_url,
            "CLAIMX_API_TOKEN": "seed",
        }
        settings = load(sets=[f"kafka.topics.claimx_events={topic}"], environ=environment)
        assert seed_tracking(settings, scenario) == 1500
        state = claimx.control.state()
    ranges = offset_ranges(settings.kafka, [topic])
    assert sum(held.end - held.first for held in ranges.values()) == scenario.expected.produced
    assert len(state["tasks"]) == len(scenario.tasks)
    assert len(state["projects"]) == len(scenario.projects)
