"""Topics that must not be one, since what we send would come back to us as input; and partitions of topics that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from claimx_lib.config.settings import Settings

Loc = tuple[str, ...]
TOPICS: Loc = ("kafka", "topics")
TRACKING: Loc = (*TOPICS, "tracking")
RETRY: Loc = ("jobs", "task_creation", "retry_topic")
IDENTITY: tuple[Loc, ...] = ((*TOPICS, "project_sync"), (*TOPICS, "manual_decisions"))
"""Hits of the API, decisions of people and replays go there; the two may be one."""
INPUTS: tuple[Loc, ...] = ((*TOPICS, "claimx_events"), (*TOPICS, "xact_events"), *IDENTITY, TRACKING, RETRY)
OUTPUTS: tuple[Loc, ...] = (
    *IDENTITY,
    TRACKING,
    RETRY,
    ("jobs", "task_creation", "dlq_topic"),
    (*TOPICS, "tracking_success"),
    (*TOPICS, "tracking_errors"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A setting that names an output, and the setting of the input that has the same name."""

    output: Loc
    input: Loc
    topic: str

    def __str__(self) -> str:
        return (
            f"{self.topic} is {'.'.join(self.input)} too, so that what is sent there would come back: give another name"
        )


def clashes(settings: Settings) -> list[Clash]:
    """Return each output that is an input of ours: itself aside, and the tracking topic that triggers publish to."""
    inputs = {_named(settings, loc): loc for loc in reversed(INPUTS)}
    outputs = [*((loc, _named(settings, loc)) for loc in OUTPUTS), *_published(settings)]
    found = ((loc, topic, inputs.get(topic)) for loc, topic in outputs)
    return [Clash(output=o, input=i, topic=t) for o, t, i in found if i is not None and not _is_meant(o, i)]


def unknown_partitions(settings: Settings) -> list[tuple[Loc, str]]:
    """Return each place under `kafka.partitions` that names no topic of these settings, and the cure."""
    named = {_named(settings, loc) for loc in (*INPUTS, *OUTPUTS)} | {topic for _, topic in _published(settings)}
    cure = f"there is no such topic; use {', '.join(sorted(named))}"
    return [(("kafka", "partitions", name), cure) for name in settings.kafka.partitions if name not in named]


def _is_meant(output: Loc, input_: Loc) -> bool:
    are_both_identity = output in IDENTITY and input_ in IDENTITY
    return output == input_ or are_both_identity or (input_ == TRACKING and output[-1] == "publish_to_topic")


def _published(settings: Settings) -> Iterator[tuple[Loc, str]]:
    for template, trigger in settings.jobs.task_trigger.triggers.items():
        at: Loc = ("jobs", "task_trigger", "triggers", str(template))
        if trigger.on_any is not None:
            yield (*at, "on_any", "publish_to_topic"), trigger.on_any.publish_to_topic
        for status, action in trigger.on_status.items():
            yield (*at, "on_status", status, "publish_to_topic"), action.publish_to_topic


def _named(settings: Settings, loc: Loc) -> str:
    found: object = settings
    for name in loc:
        found = getattr(found, name)
    return str(found)
