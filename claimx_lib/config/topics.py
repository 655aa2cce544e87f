"""The names of the topics; key = what a topic is for."""

from __future__ import annotations

from pydantic import ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from claimx_lib.config.model import Model, TopicName


class Topics(Model):
    """The topics' names; people's decisions go where identity comes from, unless they have a topic of their own."""

    claimx_events: TopicName
    xact_events: TopicName
    project_sync: TopicName
    manual_decisions: TopicName
    tracking: TopicName
    tracking_success: TopicName
    tracking_errors: TopicName

    @field_validator("manual_decisions", mode="wrap")
    @classmethod
    def _as_project_sync(cls, value: object, checked: ValidatorFunctionWrapHandler, told: ValidationInfo) -> str:
        return str(told.data.get("project_sync", "") if value is None else checked(value))
