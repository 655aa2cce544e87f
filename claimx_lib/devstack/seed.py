"""`claimx dev seed`: puts a scenario onto a running stack."""

from __future__ import annotations

from claimx_lib.config.settings import Settings
from claimx_lib.connectors.kafka_client import Message, create_topics, send
from claimx_lib.devstack.scenario import TrackingScenario
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.schemas.topics import topic_specs

_TASKS_A_REQUEST = 500


def seed_tracking(settings: Settings, scenario: TrackingScenario) -> int:
    """ClaimX knows the scenario's projects and tasks, the topics are there and hold its records; their number.

    `settings` point at a stack of ours: `StackStatus.environment` has the variables. Seeding twice delivers everything
    twice, which adds no row. Raises DevStackError or KafkaError where one of the two does not answer.
    """
    control = SimulatorControl(settings.claimx.base_url)
    try:
        control.put_projects(list(scenario.projects))
        for start in range(0, len(scenario.tasks), _TASKS_A_REQUEST):
            control.put_tasks(list(scenario.tasks[start : start + _TASKS_A_REQUEST]))
    finally:
        control.close()
    create_topics(settings.kafka, topic_specs(settings))
    topic = settings.kafka.topics.claimx_events
    return send(settings.kafka, (Message(topic=topic, key=each.key, value=each.value) for each in scenario.records))
