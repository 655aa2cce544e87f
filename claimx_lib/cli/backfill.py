"""`claimx backfill`: a range of a job's topics again."""

from __future__ import annotations

from typing import Annotated

import typer

from claimx_lib.cli.options import ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.times import parsed_time

Job = Annotated[str, typer.Argument(metavar="JOB", help="task_trigger, task_tracking, mapping_sync or task_creation.")]
Since = Annotated[
    str,
    typer.Option(
        "--since", metavar="TIME", help="From these records on: 2026-01-10, 2026-01-10T08:00Z, or 2h, 3d ago."
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Up to these records; to the end without it.")
]


def command(
    context: typer.Context,
    job: Job,
    since: Since,
    until: Until = None,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
) -> None:
    """Process a range again, by the records' Kafka timestamps, on a checkpoint of its own.

    What is there already is not doubled: rows, dead letters and ClaimX tasks are told by their ids. The job may run
    beside it; stop mapping_sync first, the mapping has one writer. A range that is done is done once: to repeat it,
    move its checkpoint away.
    Example: claimx backfill task_tracking --since 2026-01-10 --until 2026-01-11
    """
    from claimx_lib.runtime import backfill
    from claimx_lib.streams.failure import tell

    settings = settings_of(env, config, sets)
    end = parsed_time(until) if until else None
    report = backfill(job, settings, since=parsed_time(since), until=end)
    tell(report.failures, debug=bool(context.obj))
    raise typer.Exit(report.status)
