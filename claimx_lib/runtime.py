"""Where everything is wired: arguments, settings, session, streams, wait, clean stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import on_databricks, open_session
from claimx_lib.domain.flow import STREAMS
from claimx_lib.errors import ClaimxError, ConfigError, UsageError
from claimx_lib.observability.endpoint import served
from claimx_lib.observability.logs import configure_logs, logger
from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.push import pushed
from claimx_lib.operations.backfill import backfill_settings, committed_ends, require_undone
from claimx_lib.operations.gauges import refreshed, table_gauges
from claimx_lib.operations.maintenance import Step, lasting_rules, maintain, reported
from claimx_lib.operations.preflight import checked, require_state, tables_of
from claimx_lib.operations.tables import require_tables
from claimx_lib.streams.application import Failures, run_in_turn, run_together
from claimx_lib.streams.context import JobContext, StopFlag, utc_now
from claimx_lib.streams.failure import explained, tell
from claimx_lib.streams.gaps import record_gaps
from claimx_lib.streams.reenrich import Repaired, reenrich, require_lookups
from claimx_lib.submission import job_arguments

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings
    from claimx_lib.domain.offsets import Gap, Offsets

ALL = "all"
MAINTENANCE = "maintenance"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a run ended: the jobs that failed, each with one line of why."""

    failures: tuple[tuple[str, ClaimxError], ...] = ()

    @property
    def status(self) -> int:
        """Exit status: 0 where every job is done or was stopped, 1 where one failed."""
        return 1 if self.failures else 0


def run(
    jobs: Sequence[str],
    settings: Settings,
    *,
    available_now: bool = False,
    metrics: Metrics | None = None,
    stop: StopFlag | None = None,
    until: datetime | None = None,
    ends: Offsets | None = None,
) -> RunReport:
    """Run the named streaming jobs as queries of one application until they end or a stop is asked for.

    With `available_now` one after the other in the order of the data flow: what is there is processed, then it ends.
    SIGTERM and SIGINT stop it between two batches, unless `stop` is given: then they are the caller's.
    A job that fails leaves the others running.
    Raises ClaimxError, before anything is started, where settings, secrets, Kafka or tables are not as needed.
    """
    names = chosen(jobs, settings)
    flag, counted = stop or StopFlag(), metrics or Metrics()
    configure_logs(settings.logging)
    gaps = checked(settings, names)
    counted.set("claimx_run_start_time_seconds", time.time())
    with (
        _served(counted, names, settings),
        pushed(counted.registry, settings.metrics, run="-".join(names), is_continuous=not available_now),
        stop_on_signals(flag) if stop is None else nullcontext(),
        spark_session(settings, app_name=f"claimx {' '.join(names)}") as session,
    ):
        context = JobContext(
            session=session,
            settings=settings,
            metrics=counted,
            stop=flag,
            available_now=available_now,
            jobs_in_application=names,
            until=until,
            ends=ends or {},
        )
        require_state(settings, names, session)
        return RunReport(failures=tuple(_carried_out(context, gaps).items()))


def _carried_out(context: JobContext, gaps: dict[str, list[Gap]]) -> Failures:
    gauges = table_gauges(context.warehouse, context.metrics, context.session)
    with refreshed(gauges, every_seconds=context.settings.metrics.refresh_seconds):
        record_gaps(context, gaps)
        flow = run_in_turn if context.available_now else run_together
        return flow(context.jobs_in_application, context)


def backfill(job: str, settings: Settings, *, since: datetime, until: datetime | None) -> RunReport:
    """Run the job over the records of a range of time, on a checkpoint of its own; what is there is not doubled.

    Safe beside the running job: records that its own checkpoint has not committed are left to it.
    """
    chosen([job], settings)
    if job == ALL:
        raise UsageError("a backfill is of one job", cure=f"name one of {', '.join(STREAMS)}")
    moved = backfill_settings(settings, job, since=since, until=until)
    require_undone(moved, job, until)
    return run([job], moved, available_now=True, until=until, ends=committed_ends(settings, job))


def repair(settings: Settings, *, since: datetime | None, limit: int) -> Repaired:
    """Ask ClaimX again for rows whose enrichment failed; see `streams.reenrich`."""
    require_lookups(settings)
    configure_logs(settings.logging)
    checked(settings, ["task_tracking"])
    with spark_session(settings, app_name="claimx reenrich") as session:
        context = JobContext(
            session=session, settings=settings, metrics=Metrics(), jobs_in_application=("task_tracking",)
        )
        require_state(settings, ["task_tracking"], session)
        return reenrich(context, since=since, limit=limit)


def keep_up(settings: Settings) -> list[Step]:
    """Carry out the upkeep of all tables once, repair of failed enrichments included; safe beside running streams.

    A step that fails is told and leaves the others. Raises ClaimxError where settings or tables are not as needed.
    """
    job = settings.jobs.maintenance
    if not job.enabled:
        raise ConfigError("jobs.maintenance.enabled is false", cure="set it to true for an upkeep")
    configure_logs(settings.logging)
    require_tables(settings, tables_of([MAINTENANCE]))
    with spark_session(settings, app_name="claimx maintenance") as session:
        context = JobContext(session=session, settings=settings, metrics=Metrics())
        require_tables(settings, tables_of([MAINTENANCE]), session)
        steps = maintain(session, context.warehouse, job, now=utc_now(), lasting_rules=lasting_rules(settings.jobs))
        if job.reenrich_days and settings.jobs.task_tracking.lookup_enabled:
            since = utc_now() - timedelta(days=job.reenrich_days)
            steps.append(
                reported("itel_cabinet_task_tracking", "reenrich", lambda: reenrich(context, since=since).told())
            )
    return steps


def chosen(jobs: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Return the jobs meant, each once, in the order of the data flow; `all` means every one that is enabled."""
    unknown = [job for job in jobs if job not in (*STREAMS, ALL)]
    if unknown or not jobs:
        what = f"there is no job {unknown[0]}" if unknown else "name a job"
        raise UsageError(what, cure=f"use {', '.join(STREAMS)}, or {ALL}")
    enabled = {job for job in STREAMS if getattr(settings.jobs, job).enabled}
    wanted = enabled if ALL in jobs else set(jobs)
    if wanted - enabled:
        off = min(wanted - enabled)
        raise ConfigError(f"jobs.{off}.enabled is false", cure=f"set it to true, or leave {off} out")
    if not wanted:
        raise ConfigError("no job is enabled", cure="set jobs.<job>.enabled to true for one of them")
    return tuple(job for job in STREAMS if job in wanted)


@contextmanager
def spark_session(settings: Settings, *, app_name: str) -> Iterator[SparkSession]:
    """Hand out a session, and stop it at the end if it was started for this."""
    from pyspark.sql import SparkSession

    was_there = SparkSession.getActiveSession() is not None
    session = open_session(settings, app_name=app_name)
    try:
        yield session
    finally:
        if not was_there and not on_databricks():  # a cluster's session is the cluster's
            _stop_quietly(session)


@contextmanager
def stop_on_signals(flag: StopFlag) -> Iterator[None]:
    """Turn the first SIGTERM or SIGINT into a stop between two batches; the second ends the process at once."""

    def asked(number: int, _: FrameType | None) -> None:
        if flag.is_set:
            os._exit(128 + number)
        flag.set()
        sys.stderr.write("claimx: stopping between two batches; once more to stop at once\n")

    try:
        before = {number: signal.signal(number, asked) for number in SIGNALS}
    except ValueError:  # not the main thread: signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def submit(job: str, arguments: Sequence[str]) -> int:
    """Run one job as `spark-submit jobs/<job>.py` does; return the exit status, with one line where it failed."""
    given = job_arguments(job, arguments)
    try:
        settings = load(given.env, config=given.config, sets=[*given.set, *loss_accepted(given.accept_data_loss)])
        if job == MAINTENANCE:
            return upkeep_status(keep_up(settings))
        report = run([job], settings, available_now=given.available_now)
    except Exception as error:  # noqa: BLE001  (the last line of defence, as in cli/main.py)
        failure = explained(error)
        tell([(job, failure)], debug=given.debug)
        return failure.exit_status
    tell(report.failures, debug=given.debug)
    return report.status


def upkeep_status(steps: Sequence[Step]) -> int:
    """Log each step of an upkeep; return the exit status, 1 where one failed."""
    for step in steps:
        told = logger(job=MAINTENANCE).info if step.is_done else logger(job=MAINTENANCE).error
        told("upkeep", table=step.table, step=step.step, result=step.result, seconds=step.seconds)
    return 0 if all(step.is_done for step in steps) else 1


def loss_accepted(is_accepted: bool) -> list[str]:  # noqa: FBT001  (it is what the flag says)
    """Return the setting that `--accept-data-loss` stands for."""
    return ["kafka.accept_data_loss=true"] if is_accepted else []


def _served(metrics: Metrics, names: Sequence[str], settings: Settings) -> AbstractContextManager[None]:
    own: int | None = getattr(settings.jobs, names[0]).metrics_port if len(names) == 1 else None
    setting, port = ("metrics.port", settings.metrics.port) if own is None else (f"jobs.{names[0]}.metrics_port", own)
    return served(metrics.registry, settings.metrics, port=port, setting=setting)


def _stop_quietly(session: SparkSession) -> None:
    with suppress(OSError, Py4JError):  # the JVM was gone before us
        session.stop()
