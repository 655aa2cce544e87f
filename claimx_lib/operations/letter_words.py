"""The words of a filter as a person types them: one that means nothing is told, not answered with no letter."""

from __future__ import annotations

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain.flow import STREAMS
from claimx_lib.domain.reasons import Reason, label_of
from claimx_lib.errors import UsageError
from claimx_lib.operations.review import TABLE


def require_pipeline(pipeline: str | None) -> None:
    """Return only for none, or a job that makes letters."""
    if pipeline is not None and pipeline not in STREAMS:
        raise UsageError(f"--pipeline {pipeline[:80]}: there is no such job", cure=f"use one of {', '.join(STREAMS)}")


def require_reason(tables: DeltaSql, reason: str | None) -> None:
    """Return only for none, a reason of ours or one that a letter has, written as in the table or as in metrics.

    Where there is no letter yet, any reason may come to be one.
    """
    if reason is None or label_of(reason) in map(label_of, Reason):
        return
    rows = tables.ask("SELECT DISTINCT reason FROM t WHERE reason IS NOT NULL ORDER BY 1", TABLE).rows
    there = [row["reason"] for row in rows]
    if there and label_of(reason) not in map(label_of, there):
        raise UsageError(f"--reason {reason[:80]}: no letter has it", cure=f"there are {', '.join(there)}")
