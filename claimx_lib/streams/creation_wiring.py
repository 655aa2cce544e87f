"""From settings to the recipe of task_creation."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claimx_lib.connectors import kafka
from claimx_lib.connectors.api_settings import ApiSettings, api_settings
from claimx_lib.connectors.claimx_api import Permit, RequestsClaimX
from claimx_lib.domain.api import ClaimXApi
from claimx_lib.domain.circuit import CircuitPolicy
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock
from claimx_lib.domain.creation.effects import Topics
from claimx_lib.domain.creation.messages import largest_value
from claimx_lib.domain.creation.policy import Policy, Rule
from claimx_lib.domain.ladder import ResolvePolicy
from claimx_lib.domain.negative_cache import NegativeCache
from claimx_lib.domain.rate import RateLimiter
from claimx_lib.streams.creation_calls import Calls
from claimx_lib.streams.creation_flow import Flow
from claimx_lib.streams.creation_ledger import DeltaLedger
from claimx_lib.streams.creation_resolve import Resolver
from claimx_lib.streams.creation_store import DeltaStore
from claimx_lib.streams.token import token_now

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from claimx_lib.config.settings import Settings
    from claimx_lib.streams.context import JobContext

JOB = "task_creation"


def flow_of(
    context: JobContext,
    *,
    open_api: Callable[[], ClaimXApi] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    chance: Callable[[], float] = random.random,
    new_run: Callable[[], str] = lambda: secrets.token_hex(8),
    send: Callable[[DataFrame], None] | None = None,
) -> Flow:
    """The recipe with the outside that these settings name; it keeps pace, circuit and misses for as long as it lives."""
    settings = context.settings
    job, claimx = settings.jobs.task_creation, settings.claimx
    limiter = RateLimiter(calls_per_second(context), clock)
    opened = OpenedApi(settings=settings, permit=lambda: limiter.acquire(is_cancelled=lambda: context.stop.is_set))
    calls = _calls(context, open_api or opened, limiter, clock)
    return Flow(
        store=DeltaStore(
            context=context,
            ledger=DeltaLedger(context=context),
            send=send or (lambda frame: kafka.write(frame, settings.kafka)),
            matches_digits=job.match_without_letter_prefix and job.enable_format_normalization,
        ),
        calls=calls,
        resolver=_resolver(context, calls, clock),
        policy=policy_of(settings),
        topics=topics_of(settings),
        now=context.now,
        random=chance,
        new_run=new_run,
        wait=context.stop.wait,
        check_stop=context.stop.check,
        auto_recover=job.auto_recover,
        due_limit=None if context.available_now else job.max_records_per_batch,
        pause_seconds=claimx.circuit.open_seconds,
        longest_wait_seconds=job.retry_delay_max_seconds,
        chunk=max(1, int(calls_per_second(context) * job.intent_ttl_seconds / 2)),
        timeout_seconds=claimx.timeout_seconds,
    )


def _calls(context: JobContext, open_api: Callable[[], ClaimXApi], limiter: RateLimiter, clock: Clock) -> Calls:
    circuit = context.settings.claimx.circuit
    return Calls(
        open_api,
        limiter=limiter,
        circuit=CircuitPolicy(failure_threshold=circuit.failures, reset_seconds=circuit.open_seconds),
        clock=clock,
        is_stopping=lambda: context.stop.is_set,
    )


def _resolver(context: JobContext, calls: Calls, clock: Clock) -> Resolver:
    settings = context.settings
    return Resolver(
        api=calls,
        misses=NegativeCache(ttl_seconds=settings.jobs.task_creation.negative_cache_seconds, clock=clock),
        policy=resolve_policy(settings),
        metrics=context.metrics,
        threads=_share(context, settings.claimx.max_concurrency),
    )


def policy_of(settings: Settings) -> Policy:
    """The settings of task creation as its pure code takes them."""
    job = settings.jobs.task_creation
    return Policy(
        rules={
            event_type: tuple(
                Rule(name=r.name, task_type=r.task_type, task_data=json.dumps(r.task_data), once_per=r.once_per)
                for r in rules
            )
            for event_type, rules in job.tasks.items()
            if rules
        },
        mode="shadow" if job.mode == "shadow" else "live",
        events_since=job.events_since,
        on_unresolved=job.on_unresolved,
        max_retries=job.max_retries,
        retry_delay_seconds=job.retry_delay_seconds,
        retry_backoff_factor=job.retry_backoff_factor,
        retry_delay_max_seconds=job.retry_delay_max_seconds,
        has_jitter=job.retry_jitter,
        max_age_hours=job.max_age_hours,
        settle_seconds=job.settle_seconds,
        intent_ttl_seconds=job.intent_ttl_seconds,
        early_look_seconds=min(5.0, job.settle_seconds),
        supports_external_reference=settings.claimx.supports_external_reference,
        look_before_creating=job.look_before_creating,
        dead_letter_limit=job.dead_letter_limit,
        dead_letter_limit_min_claims=job.dead_letter_limit_min_claims,
    )


def resolve_policy(settings: Settings) -> ResolvePolicy:
    """The ladder's settings."""
    job = settings.jobs.task_creation
    return ResolvePolicy(
        resolve_with=tuple(job.resolve_with),
        rules=tuple(job.normalization_rules),
        enable_format_normalization=job.enable_format_normalization,
        match_without_letter_prefix=job.match_without_letter_prefix,
    )


def topics_of(settings: Settings) -> Topics:
    """Where messages go."""
    job, kafka = settings.jobs.task_creation, settings.kafka
    return Topics(
        retry=job.retry_topic,
        dlq=job.dlq_topic,
        project_sync=kafka.topics.project_sync,
        max_bytes=largest_value(kafka.max_message_bytes),
    )


def calls_per_second(context: JobContext) -> float:
    """This job's pace: its own setting, else its share of the application's."""
    own = context.settings.jobs.task_creation.requests_per_second
    return own if own is not None else context.settings.claimx.requests_per_second / context.callers_beside(JOB)


def _share(context: JobContext, whole: int) -> int:
    return max(1, whole // context.callers_beside(JOB))


@dataclass(slots=True, kw_only=True)
class OpenedApi:
    """The client for the token as it is now; the same client for as long as the token is the same.

    Its further pages keep the job's pace by `permit`.
    """

    settings: Settings
    permit: Permit
    _opened: dict[ApiSettings, ClaimXApi] = field(default_factory=dict)

    def __call__(self) -> ClaimXApi:
        """Read the token, and open a client where it is a new one; the last one stays while the token's place is empty."""
        last = next((opened.token for opened in self._opened), None)
        wanted = api_settings(self.settings.claimx, token_now(self.settings.claimx, last, job=JOB))
        if wanted not in self._opened:
            for stale in self._opened.values():
                stale.close()
            self._opened = {wanted: RequestsClaimX(wanted, permit=self.permit)}
        return self._opened[wanted]
