"""The two ends of the tracking topic: what task_trigger sends there, and what task_tracking takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from claimx_lib.config.jobs import FieldRule, Jobs, Trigger, TriggerAction
from claimx_lib.errors import ConfigError


def with_topic(jobs: Jobs, topic: str) -> Jobs:
    """The jobs with every action of task_trigger at a topic: where it names none, at the tracking topic."""
    job = jobs.task_trigger
    triggers = {template: _to(trigger, topic) for template, trigger in job.triggers.items()}
    return jobs.model_copy(update={"task_trigger": job.model_copy(update={"triggers": triggers})})


def _to(trigger: Trigger, topic: str) -> Trigger:
    on_any = trigger.on_any and _named(trigger.on_any, topic)
    on_status = {status: _named(action, topic) for status, action in trigger.on_status.items()}
    return trigger.model_copy(update={"on_any": on_any, "on_status": on_status})


def _named(action: TriggerAction, topic: str) -> TriggerAction:
    return action if action.publish_to_topic else action.model_copy(update={"publish_to_topic": topic})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Templates that task_tracking would refuse, and all that its rule has to name."""

    templates: tuple[int, ...]
    wanted: tuple[str | int, ...]


def refused_templates(jobs: Jobs, topic: str) -> Refused | None:
    """What task_tracking would refuse of the templates that task_trigger sends it; None where it takes them all.

    Looks at `equals` and `one_of`, and at jobs that are switched on. Each refused event would be a dead letter.
    """
    tracking = jobs.task_tracking
    rule = tracking.field_rules.get("task_id")
    is_of_templates = tracking.mappings.get("task_id", "task_id") == "task_id"
    if rule is None or not is_of_templates or not (tracking.enabled and jobs.task_trigger.enabled):
        return None
    wanted = _wanted(rule)
    refused = [t for t in _sent(jobs, topic) if not all(str(t) in map(str, values) for values in wanted)]
    if not refused:
        return None
    return Refused(templates=tuple(refused), wanted=tuple(dict.fromkeys([*chain(*wanted), *refused])))


def require_templates(jobs: Jobs, topic: str) -> None:
    """Raise ConfigError, with the cure, where `refused_templates` has any."""
    refused = refused_templates(jobs, topic)
    if refused is not None:
        raise ConfigError(
            f"jobs.task_tracking.field_rules.task_id refuses template {', '.join(map(str, refused.templates))}, "
            f"which jobs.task_trigger.triggers sends to {topic}",
            cure=f"set it to {{one_of: [{', '.join(map(str, refused.wanted))}]}}",
        )


def _sent(jobs: Jobs, topic: str) -> Iterator[int]:
    for template, trigger in jobs.task_trigger.triggers.items():
        actions = [trigger.on_any, *trigger.on_status.values()]
        if any(action is not None and action.publish_to_topic == topic for action in actions):
            yield template


def _wanted(rule: FieldRule) -> list[list[str | int]]:
    """Lists of which each has to hold a template: its number among numbers, or its digits among texts."""
    equals = [] if rule.equals is None else [[rule.equals]]
    return equals if rule.one_of is None else [*equals, rule.one_of]
