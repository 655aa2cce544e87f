"""`claimx run`: the streaming jobs, as queries of one Spark application."""

from __future__ import annotations

from typing import Annotated

import typer

from claimx_lib.cli.options import ConfigFile, Env, Sets, settings_of
from claimx_lib.errors import UsageError

Jobs = Annotated[
    list[str],
    typer.Argument(
        metavar="JOB... | all",
        help="task_trigger, task_tracking, mapping_sync, task_creation, or all; maintenance runs once and alone.",
    ),
]
AvailableNow = Annotated[bool, typer.Option("--available-now", help="Process what is there, job after job, and end.")]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-data-loss", help="Where records are gone from the broker, record the gap and go on.")
]


def command(
    context: typer.Context,
    jobs: Jobs,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    available_now: AvailableNow = False,
    accept_data_loss: AcceptLoss = False,
) -> None:
    """Run jobs until they are stopped (SIGTERM, Ctrl-C), or until nothing is left with --available-now.

    Examples: claimx run all;  claimx run task_trigger task_tracking --available-now
    """
    from claimx_lib.runtime import MAINTENANCE, keep_up, loss_accepted, run, upkeep_status
    from claimx_lib.streams.failure import tell

    settings = settings_of(env, config, [*(sets or []), *loss_accepted(accept_data_loss)])
    if jobs == [MAINTENANCE]:
        raise typer.Exit(upkeep_status(keep_up(settings)))
    if MAINTENANCE in jobs:
        raise UsageError(f"{MAINTENANCE} runs once and alone", cure=f"use claimx run {MAINTENANCE}")
    report = run(jobs, settings, available_now=available_now)
    tell(report.failures, debug=bool(context.obj))
    raise typer.Exit(report.status)
