"""Why an event waits, is skipped or is given up: codes, and the document's sentences."""

from __future__ import annotations

from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.reasons import Reason

IN_DOUBT = "in-doubt"
UNAUTHORIZED = "unauthorized"
PAUSED = "paused"
RATE_LIMITED = "rate-limited"
NOT_DUE = "not-due"
STOPPED = "stopped"
PROJECT_GONE = "project-gone"

NOT_SYNCED = "not-synced"
SHADOW = "shadow"
ONCE_PER = "once-per"
BEFORE_EVENTS_SINCE = "before-events-since"
FAILURES = frozenset({IN_DOUBT, RATE_LIMITED, NOT_DUE, str(Reason.API_UNAVAILABLE)})
"""What a row waits for while the API fails, or asks to wait."""
NO_RULE = "no-rule"
"""Its type has lost its rule: it waits for that, uses no attempt, and counts for no age."""


def not_found_sentence(policy: Policy) -> str:
    """The document's reason, with the configured number of retries."""
    if policy.on_unresolved == "dead_letter":
        return "ClaimX project not found"
    return f"ClaimX project not found after {policy.max_retries} retries"


def sentence_of(reason: str, policy: Policy) -> str:
    """The reason in words, for a person who reads the DLQ topic."""
    hours = f"{policy.max_age_hours:g}"
    sentences = {
        str(Reason.PROJECT_NOT_FOUND): not_found_sentence(policy),
        str(Reason.AMBIGUOUS_PROJECT): "Several ClaimX projects match the claim number",
        str(Reason.API_UNAVAILABLE): f"ClaimX API did not answer for {hours} hours",
        str(Reason.TASK_REJECTED): "ClaimX rejected the task",
        str(Reason.TASK_UNKNOWN): "It cannot be told whether ClaimX created the task",
    }
    return sentences.get(reason, reason)


def gone(project_id: int) -> str:
    """Why an event waits whose project ClaimX answered 404 for."""
    return f"{PROJECT_GONE} {project_id}"


def gone_project(reason: str | None) -> int | None:
    """The project that a pending row must not be given again."""
    head, _, tail = (reason or "").partition(" ")
    return int(tail) if head == PROJECT_GONE and tail.removeprefix("-").isdigit() else None
