"""What follows an honest "none", and what hands an event to a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from claimx_lib.domain.creation import reasons
from claimx_lib.domain.creation.decisions import GiveUp, Subject, Wait
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.reasons import Reason


def after_none(
    subject: Subject, reason: Reason, now: datetime, random: Callable[[], float], policy: Policy, *, note: str = ""
) -> Wait | GiveUp:
    """What follows an honest "none": one attempt more, then the next try or, after the last one, a person."""
    tried = replace(subject, attempts=subject.attempts + 1)
    if policy.on_unresolved == "dead_letter" or policy.is_exhausted(tried.attempts):
        return given_up(tried, reason, policy, error=note)
    seconds = policy.delay_seconds(tried.attempts, random)
    return Wait(
        subject=tried,
        reason=note or str(reason),
        next_attempt_at=now + timedelta(seconds=seconds),
        retry_after_seconds=seconds,
    )


def given_up(
    subject: Subject, reason: Reason, policy: Policy, *, error: str = "", candidates: str | None = None
) -> GiveUp:
    """The decision that hands an event to a person."""
    sentence = reasons.sentence_of(str(reason), policy)
    told = error or sentence
    return GiveUp(subject=subject, reason=str(reason), sentence=sentence, error=told, candidates=candidates)
