"""The topics' shapes: partitions and retention (contract, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from claimx_lib.config.settings import Settings

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic to create where it is missing; `is_input` ones belong to others."""

    name: str
    partitions: int
    retention_days: int
    is_input: bool = False


def topic_specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """Return each distinct topic of these settings once, in the order of the data flow."""
    names, creation = settings.kafka.topics, settings.jobs.task_creation
    ours = settings.jobs.task_trigger.triggers.values()
    actions = [a for t in ours for a in (t.on_any, *t.on_status.values()) if a is not None]
    listed: list[tuple[str, int, int, bool]] = [
        (names.claimx_events, 3, 7, True),
        (names.xact_events, 3, 7, True),
        (names.project_sync, 6, 7, False),
        (names.manual_decisions, 6, 7, False),
        (names.tracking, 3, 7, False),
        *((action.publish_to_topic, 3, 7, False) for action in actions),
        (names.tracking_success, 1, 3, False),
        (names.tracking_errors, 1, 30, False),
        (creation.retry_topic, 6, 7, False),
        (creation.dlq_topic, 3, 30, False),
    ]
    specs = {name: _spec(settings, name, n, days, is_input=given) for name, n, days, given in reversed(listed)}
    return tuple(specs.values())[::-1]


def _spec(settings: Settings, name: str, partitions: int, days: int, *, is_input: bool) -> TopicSpec:
    count = settings.kafka.partitions.get(name, partitions)
    return TopicSpec(name=name, partitions=count, retention_days=days, is_input=is_input)
