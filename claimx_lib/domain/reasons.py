"""Why a record could not be carried on: the codes that stand in tables, headers and metrics."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Kebab-case codes of the contract, section 8; `missing-<field>` is made by `missing`."""

    PROJECT_NOT_FOUND = "project-not-found"
    AMBIGUOUS_PROJECT = "ambiguous-project"
    INVALID_CLAIM_NUMBER = "invalid-claim-number"
    INVALID_PROJECT_ID = "invalid-project-id"
    UNDECODABLE = "undecodable"
    WRONG_TASK_ID = "wrong-task-id"
    INVALID_FIELD = "invalid-field"
    BAD_TIMESTAMP = "bad-timestamp"
    FUTURE_TIMESTAMP = "future-timestamp"
    TASK_REJECTED = "task-rejected"
    TASK_UNKNOWN = "task-unknown"
    API_UNAVAILABLE = "api-unavailable"
    RECORD_TOO_LARGE = "record-too-large"
    OFFSETS_AGED_OUT = "offsets-aged-out"


GIVEN_BY_MAPPING = (str(Reason.PROJECT_NOT_FOUND), str(Reason.AMBIGUOUS_PROJECT), str(Reason.API_UNAVAILABLE))
"""Reasons of the XACT letters that a mapping settles when it arrives."""
ENDED_IN = "it went back, and ended in"
"""How the `why` of a letter ends that another one speaks for now."""


def missing(field: str) -> str:
    """Return the reason of a required field that is not there: `missing-<field>`."""
    return f"missing-{field}"


def label_of(reason: str) -> str:
    """Return the reason as metrics write it: `project_not_found` of `project-not-found`."""
    return reason.replace("-", "_")
