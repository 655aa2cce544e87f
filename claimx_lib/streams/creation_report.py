"""What a task_creation batch tells: log lines and counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from claimx_lib.domain.creation import reasons
from claimx_lib.domain.creation.decisions import Create, Decision, Drop, GiveUp, Refuse, Skip, Wait
from claimx_lib.domain.creation.effects import Ended
from claimx_lib.domain.reasons import label_of
from claimx_lib.observability.logs import logger

if TYPE_CHECKING:
    from claimx_lib.observability.metrics import Metrics

JOB = "task_creation"


def report(ended: Iterable[Ended], metrics: Metrics) -> None:
    """Log each decision in the document's words, and count tries and failures; a batch run again counts again."""
    for one in ended:
        for final in one.finals:
            _count(one.planned, final, metrics)
            _log(one.planned, final)


def _count(planned: Decision, final: Decision, metrics: Metrics) -> None:
    is_tried = isinstance(planned, Create) or isinstance(final, GiveUp) or _is_none(final)
    if is_tried:
        metrics.count("claimx_task_creation_attempts_total", domain="xact")
    if isinstance(final, (GiveUp, Wait)) and is_tried:
        metrics.count("claimx_task_creation_failures_total", reason=_label(final.reason))
    if isinstance(final, Wait) and not is_tried:
        metrics.count("claimx_task_creation_put_off_total", reason=_label(final.reason))
    if isinstance(final, Skip) and final.reason == reasons.NOT_SYNCED:
        metrics.count("claimx_task_skipped_not_synced_total")


def _is_none(final: Decision) -> bool:
    return isinstance(final, Wait) and final.retry_after_seconds is not None


def _label(reason: str) -> str:
    head = reason.partition(" ")[0]
    return label_of("project-not-found" if head == reasons.PROJECT_GONE else head)


def _log(planned: Decision, final: Decision) -> None:
    if isinstance(final, Refuse):
        told = final.refusal
        logger(job=JOB).warning("XACT record refused", reason=told.reason, topic=told.record.topic,
                                partition=told.record.partition, offset=told.record.offset)  # fmt: skip
        return
    log = logger(job=JOB, event_id=final.subject.event.event_id, claim_number=final.subject.event.claim_number)
    claim = final.subject.event.claim_number
    tried = final.subject.attempts - (1 if isinstance(final, GiveUp) or _is_none(final) else 0)
    if tried > 0 and not isinstance(final, Skip):
        retried = f"Retry {tried} for claim {claim}"
        log.info(retried, retry_count=tried)
    if isinstance(final, GiveUp):
        log.warning(final.sentence, reason=final.reason, sent_to="dead letter queue, for manual review")
    elif isinstance(final, Drop) and isinstance(planned, Create):
        log.info("ClaimX task is there", project_id=planned.project_id, resolved_by=planned.resolved_by)
    elif isinstance(final, (Skip, Wait)):
        log.info(_sentence(final, claim), **_facts(final))


def _sentence(final: Skip | Wait, claim: str) -> str:
    if isinstance(final, Skip):
        is_not_synced = final.reason == reasons.NOT_SYNCED
        return (
            f"ClaimX project not synced for claim {claim}"
            if is_not_synced
            else f"No task, on purpose, for claim {claim}"
        )
    return (
        f"ClaimX project not found for claim {claim}, will retry" if _is_none(final) else f"Waiting for claim {claim}"
    )


def _facts(final: Skip | Wait) -> dict[str, Any]:
    if isinstance(final, Wait) and _is_none(final):
        return {"retry_count": final.subject.attempts, "retry_after_seconds": final.retry_after_seconds}
    return {"reason": final.reason}
