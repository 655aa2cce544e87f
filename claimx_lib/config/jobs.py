"""The settings of the five jobs; the specification's values are the defaults in `conf/base.yaml`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, field_validator, model_validator

from claimx_lib.config.model import Count, Model, PerSecond, Port, PositiveCount, PositiveSeconds, Seconds, TopicName
from claimx_lib.config.tracking_fields import told_apart
from claimx_lib.config.upkeep import TRACKING, Maintenance, require_days

StartingOffsets = Literal["earliest", "latest"]
NormalizationRule = Literal["uppercase", "lowercase", "remove_dashes", "strip_leading_zeros"]
Template = Annotated[int, Field(ge=0, le=2_147_483_647)]
FieldPath = Annotated[str, Field(pattern=r"^[^.`'?*\[\]]+(\.[^.`'?*\[\]]+)*$")]
"""Names of a message's fields, from outside in, with dots between."""
COLUMNS = (
    "event_id", "event_type", "event_timestamp", "task_id", "assignment_id", "project_id", "task_status", "task_name",
    "previous_status", "assigned_to_user_id", "assigned_by_user_id", "task_created_at", "task_completed_at",
    "tracking_version", "source",
)  # fmt: skip
"""The columns of the tracking table that a message's field may fill; the job itself fills the others."""
PARAMETERS = ("task_id", "project_id")
"""What the paths of ClaimX's details have in braces."""


def _one_of(names: tuple[str, ...], what: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"there is no such {what}; use {', '.join(names)}")
        return name

    return AfterValidator(check)


Column = Annotated[str, _one_of(COLUMNS, "column for a field")]
Parameter = Annotated[str, _one_of(PARAMETERS, "parameter")]


class Job(Model):
    """What every streaming job has."""

    enabled: bool
    requests_per_second: PerSecond | None
    trigger_seconds: Seconds
    max_records_per_batch: PositiveCount
    starting_offsets: StartingOffsets
    metrics_port: Port | None


class TriggerLog(Model):
    """The log line of a tracked event; `{name}` takes a field of the tracking message."""

    level: Literal["debug", "info", "warning", "error"]
    message: str


class TriggerAction(Model):
    """Where an event goes and what is logged of it; without a topic of its own it goes to `kafka.topics.tracking`."""

    publish_to_topic: TopicName = ""  # `Settings` fills it in: nobody else sees it empty
    log: TriggerLog | None = None

    @field_validator("publish_to_topic", mode="wrap")
    @classmethod
    def _may_be_left_out(cls, value: object, checked: ValidatorFunctionWrapHandler) -> str:
        return "" if value is None else str(checked(value))


class Trigger(Model):
    """One task template: all its events (`on_any`), or those of named statuses (`on_status`)."""

    name: str
    description: str = ""
    on_any: TriggerAction | None = None
    on_status: dict[str, TriggerAction] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _does_something(self) -> Trigger:
        if self.on_any is None and not self.on_status:
            raise ValueError("neither on_any nor on_status: this trigger would do nothing")
        return self


class TaskTrigger(Job):
    """task_trigger: which templates are ours and where their events go."""

    include_task_data: bool
    include_project_data: bool
    log_events_per_batch: Count
    triggers: dict[Template, Trigger] = Field(min_length=1)


class FieldRule(Model):
    """What a field must be; every rule that is given must hold."""

    equals: str | int | None = None
    one_of: list[str | int] | None = None
    matches: str | None = None
    max_length: PositiveCount | None = None

    @field_validator("matches")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            if re.compile(value or "").groupindex:
                raise ValueError("no regular expression that Java takes too: leave out the group's name")
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return value


class SkipIf(Model):
    """Messages whose `field` equals one of `values` are not tracked, and counted."""

    field: FieldPath
    values: list[str | int] = Field(min_length=1)


class TaskTracking(Job):
    """task_tracking: the specification's transform, validation, look-up and writer."""

    mappings: dict[Column, FieldPath]
    defaults: dict[Column, str]
    required_fields: list[FieldPath]
    field_rules: dict[FieldPath, FieldRule]
    skip_if: SkipIf | None
    path_params: dict[Parameter, FieldPath]
    lookup_enabled: bool
    project_lookup: bool
    cache_ttl_seconds: Seconds
    lookup_batch_size: PositiveCount
    lookup_budget_seconds: PositiveSeconds
    on_error: Literal["log_and_continue"]
    schema_evolution: bool
    max_new_fields: Count
    dedupe_window_days: Count
    consumer_group: str
    commit_group_offsets: bool
    _told_apart = model_validator(mode="after")(told_apart)

    @field_validator("defaults", mode="before")
    @classmethod
    def _numbers_are_texts(cls, value: object) -> object:
        """A default stands in for a field's text; YAML takes a bare 1.0 for a number."""
        if not isinstance(value, dict):
            return value
        return {k: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for k, v in value.items()}


class MappingSync(Job):
    """mapping_sync: how two projects that claim one number are settled."""

    conflict_policy: Literal["latest", "review"]
    max_future_seconds: Seconds


class TaskRule(Model):
    """A task to create for an XACT event; its name is part of the idempotency key."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    task_type: str = Field(min_length=1)
    task_data: dict[str, Any]
    once_per: Literal["event", "estimate", "claim"] = "event"


def _named_apart(rules: list[TaskRule]) -> list[TaskRule]:
    """Two rules of one name would make one idempotency key, and two tasks under it."""
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} names two rules of this event type; give each a name of its own")
    return rules


WITH_ZONE = "give a time with its zone, such as 2026-01-10T00:00:00Z"
_NUMBER = re.compile(r"[+-]?[\d_.]+(e[+-]?\d+)?", re.IGNORECASE)


class TaskCreation(Job):
    """task_creation: resolve the project, create the task once, retry, give up for review."""

    mode: Literal["live", "shadow", "off"]
    events_since: datetime | None
    require_events_since: bool
    look_before_creating: bool
    tasks: dict[str, Annotated[list[TaskRule], AfterValidator(_named_apart)]]
    resolve_with: list[Literal["mapping", "api"]] = Field(min_length=1)
    on_unresolved: Literal["retry", "skip", "dead_letter"]
    enable_format_normalization: bool
    normalization_rules: list[NormalizationRule]
    match_without_letter_prefix: bool
    max_retries: Count
    retry_delay_seconds: Seconds
    retry_backoff_factor: float = Field(ge=1)
    retry_delay_max_seconds: PositiveSeconds
    retry_jitter: bool
    max_age_hours: float = Field(gt=0)
    negative_cache_seconds: Seconds
    auto_recover: bool
    max_replays: Count
    dead_letter_limit: float = Field(gt=0, le=1)
    dead_letter_limit_min_claims: PositiveCount
    retry_topic: TopicName
    dlq_topic: TopicName
    settle_seconds: Seconds
    intent_ttl_seconds: PositiveSeconds

    @field_validator("mode", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        """YAML takes a bare `off` for false."""
        return "off" if value is False else value

    @field_validator("events_since", mode="before")
    @classmethod
    def _no_bare_number(cls, value: object) -> object:
        """20260110 would be seconds since 1970: all of history would make tasks."""
        if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
            raise ValueError(WITH_ZONE)
        return value

    @field_validator("events_since")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(WITH_ZONE)
        return value


class Jobs(Model):
    """One group for each job, named as the job is everywhere."""

    task_trigger: TaskTrigger
    task_tracking: TaskTracking
    mapping_sync: MappingSync
    task_creation: TaskCreation
    maintenance: Maintenance

    @model_validator(mode="after")
    def _rows_outlive_their_window(self) -> Jobs:
        """An event that comes again is looked for among the rows of so many days."""
        days = self.maintenance.retention_days.get(TRACKING)
        if days is not None:
            require_days(TRACKING, days, self.task_tracking.dedupe_window_days, ("maintenance", "retention_days"))
        return self
