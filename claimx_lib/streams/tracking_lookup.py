"""The calls of a batch: token, share, circuit; each row enriched once, and persisted before anything looks at it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.sql import functions as F

from claimx_lib.config.settings import Pii
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.connectors.claimx_api import OpenClaimX
from claimx_lib.domain import circuit as breaker
from claimx_lib.domain.api import NOT_CALLED, OUTAGE, ApiOutcome
from claimx_lib.domain.circuit import Circuit, CircuitPolicy, Phase
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.rate import pause_after
from claimx_lib.domain.secret import Secret
from claimx_lib.observability.logs import logger
from claimx_lib.partitions.enrich import enrich_batches
from claimx_lib.streams.token import token_now
from claimx_lib.transforms.enrichment import enrich_policy, enriched, figures, not_enriched, partitions_for
from claimx_lib.transforms.masking import masked_json
from claimx_lib.transforms.tracking_rows import struct_texts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from claimx_lib.streams.context import JobContext

_NOBODY_ANSWERED = OUTAGE | NOT_CALLED


@dataclass(slots=True, kw_only=True)
class Calls:
    """What the driver remembers of ClaimX from batch to batch."""

    circuit: Circuit = field(default_factory=Circuit)
    clock: Clock = SYSTEM_CLOCK
    rests_until: float = -math.inf
    """A point of `clock.monotonic()`: other workers than the last ones may call from then on."""
    cache_of: tuple[Secret, str] | None = None

    def shared_cache(self, token: Secret) -> str:
        """The name of the workers' cache: another one for another token, which may see something else."""
        if self.cache_of is None or self.cache_of[0] != token:
            self.cache_of = (token, uuid4().hex)
        return self.cache_of[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """A batch's enriched rows, persisted, and their figures."""

    rows: DataFrame
    figures: Row


def looked_up(rows: DataFrame, number: int, context: JobContext, calls: Calls, *, job: str) -> Enriched:
    """Enrich `number` rows; the circuit, its metric and the calls' figures are up to date afterwards.

    A 401 has the token read once more, and the batch asked again where it has changed meanwhile.
    """
    if not context.settings.jobs.task_tracking.lookup_enabled:
        return _persisted(not_enriched(rows), context)
    token = _token(context, calls)
    result = _asked(rows, number, context, calls, token)
    if str(ApiOutcome.UNAUTHORIZED) in result.figures["errors"]:
        again = _token(context, calls)
        if again != token:
            _count(result.figures, context, calls, job)
            result.rows.unpersist()
            result = _asked(rows, number, context, calls, again)
        else:
            context.metrics.count("itel_worker_token_refused_total")
            logger(job=job).error("ClaimX refuses the token (401): rows are written without details")
    _learn(result.figures, context, calls)
    _count(result.figures, context, calls, job)
    return result


def _token(context: JobContext, calls: Calls) -> Secret:
    last = None if calls.cache_of is None else calls.cache_of[0]
    return token_now(context.settings.claimx, last, job="task_tracking")


def _asked(rows: DataFrame, number: int, context: JobContext, calls: Calls, token: Secret) -> Enriched:
    policy = policy_now(context, calls, number)
    partitions = partitions_for(number, context.session.sparkContext.defaultParallelism, policy.requests_per_second)
    if policy.is_probing:
        partitions = 1
    calls.clock.sleep(max(0.0, calls.rests_until - calls.clock.monotonic()))
    kernel = partial(
        enrich_batches,
        open_client=OpenClaimX(settings=api_settings(context.settings.claimx, token)),
        policy=replace(policy.shared(partitions), shared_cache=calls.shared_cache(token)),
    )
    result = _persisted(enriched(rows, kernel, partitions=partitions), context)
    if result.figures["calls"]:
        calls.rests_until = calls.clock.monotonic() + pause_after(policy.requests_per_second, partitions)
    return result


def policy_now(context: JobContext, calls: Calls, rows: int) -> EnrichPolicy:
    """The bounds of a batch of so many rows, as the circuit is now; jobs that run in turn have nobody to share with."""
    claimx, job = context.settings.claimx, context.settings.jobs.task_tracking
    policy = enrich_policy(claimx, job, share=1 / context.callers_beside("task_tracking"))
    phase = breaker.phase(calls.circuit, _circuit_policy(context), calls.clock.monotonic())
    if phase is Phase.OPEN:
        return EnrichPolicy(cache_ttl_seconds=job.cache_ttl_seconds, call_nobody=True)
    lasting = policy.enough_for(rows * 2 if job.project_lookup else rows)
    return lasting.probing() if phase is Phase.HALF_OPEN else lasting


def _circuit_policy(context: JobContext) -> CircuitPolicy:
    circuit = context.settings.claimx.circuit
    return CircuitPolicy(failure_threshold=circuit.failures, reset_seconds=circuit.open_seconds)


def _persisted(frame: DataFrame, context: JobContext) -> Enriched:
    texts = struct_texts(project_lookup=context.settings.jobs.task_tracking.project_lookup)
    kept = _masked(frame, texts, context.settings.pii).persist()
    try:
        return Enriched(rows=kept, figures=figures(kept, texts).collect()[0])
    except BaseException:
        kept.unpersist()  # nobody else knows of it, and the other jobs go on
        raise


def _masked(frame: DataFrame, texts: Mapping[str, str], pii: Pii) -> DataFrame:
    """People are hidden before the table, and what its columns do not take, is made of the texts.

    Fields that nobody knows belong to none of the columns: they are masked where any of these is.
    """
    named = [text for struct, text in texts.items() if struct in pii.mask_columns]
    hidden = {text: masked_json(F.col(text), pii.fields) for text in [*named, *(["misfits"] if named else [])]}
    return frame.withColumns(hidden) if hidden else frame


def _learn(row: Row, context: JobContext, calls: Calls) -> None:
    """Any answer, a refusal included, speaks of a server that is there. Odd ones prove nothing beside others; where there
    are no others each look-up that had one counts as a failure: it is a page that stands before ClaimX.
    """
    kinds = Counter(row["errors"])
    odd = kinds.pop(str(ApiOutcome.ODD_BODY), 0)
    refused = sum(number for kind, number in kinds.items() if kind not in _NOBODY_ANSWERED)
    answered = row["calls"] - row["api_errors"] + (refused if row["calls"] else 0)
    is_odd_alone = odd and not any(kind in OUTAGE for kind in kinds)
    calls.circuit = breaker.after_batch(
        calls.circuit,
        _circuit_policy(context),
        answered=answered,
        failed=odd if is_odd_alone else row["api_errors"],
        now=calls.clock.monotonic(),
    )


def _count(row: Row, context: JobContext, calls: Calls, job: str) -> None:
    metrics = context.metrics
    metrics.count("itel_worker_claimx_api_calls_total", row["calls"])
    metrics.count("itel_worker_claimx_api_errors_total", row["api_errors"])
    for seconds in row["seconds"] or ():
        metrics.observe("itel_worker_claimx_api_latency_seconds", seconds)
    metrics.follow("claimx_circuit_open", partial(_is_open, context, calls), job=job)  # half-open by time alone


def _is_open(context: JobContext, calls: Calls) -> float:
    return float(breaker.phase(calls.circuit, _circuit_policy(context), calls.clock.monotonic()) is Phase.OPEN)
