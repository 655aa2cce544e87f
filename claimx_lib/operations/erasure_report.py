"""Erasure from end to end: who is meant, what goes, what Kafka still holds, as one report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from claimx_lib.config.secrets import read_secret
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.kafka_retention import retention_seconds
from claimx_lib.errors import ClaimxError, ConfigError, NotFound, UsageError
from claimx_lib.operations.erase import Erasure, counted, erase, remember
from claimx_lib.operations.mapping_decisions import author, decision, usable_project
from claimx_lib.operations.open_batches import batches_awaited, told
from claimx_lib.operations.person import person_of
from claimx_lib.schemas.topics import topic_specs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings
    from claimx_lib.domain.secret import Secret


_LOG_KEPT = (
    "Delta deletes them by the table's delta.logRetentionDuration (7 days; 30 until claimx tables migrate has run)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whose data is to go, at whose word; `streams_stopped` is the operator's, no table can tell."""

    claim: str | None
    project: int | None
    by: str
    why: str
    streams_stopped: bool = False
    sentinels: frozenset[str] = frozenset()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How long a topic may hold a record that is there now; None: nobody deletes it."""

    topic: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an erasure did, or would do."""

    erasure: Erasure
    kafka: tuple[Held, ...]
    kafka_problem: str | None = None

    def told(self) -> dict[str, Any]:
        """The report as plain values."""
        done = self.erasure
        return {
            "claims": sorted(done.person.claims),
            "projects": sorted(done.person.projects),
            "events": len(done.person.events),
            "rows": done.rows,
            "left": done.left,
            "complete": done.is_complete,
            "amid_a_batch": list(done.amid_a_batch),
            "files_searched": done.is_searched,
            "files_gone_by": done.files_gone_by,
            "traces": [{"file": t.file, "text": t.text, "is_log": t.is_log} for t in done.traces],
            "kafka": [{"topic": held.topic, "until": held.until} for held in self.kafka],
            "kafka_problem": self.kafka_problem,
        }

    def lines(self) -> list[str]:
        """What a person has to know of the files and of Kafka."""
        done = self.erasure
        lines = [told(done.amid_a_batch)] if done.amid_a_batch else []
        if done.files_gone_by is not None:
            lines.append(f"old files go with the upkeep, by {done.files_gone_by:%Y-%m-%d %H:%M}Z at the latest")
        elif not done.is_searched:
            lines.append("old files are gone; files in a catalog or a store are not searched from here")
        else:
            in_data = [trace for trace in done.traces if not trace.is_log]
            lines.append(f"old files are gone; of all files, {len(in_data)} hold one of the texts searched for")
            lines += [f"still in {trace.file}" for trace in in_data]
        in_log = sum(trace.is_log for trace in done.traces)
        if in_log:
            lines.append(f"{in_log} log files name a claim among their statistics; {_LOG_KEPT}")
        if self.kafka_problem is not None:
            lines.append(f"Kafka could not be asked what it holds: {self.kafka_problem}")
        return lines


def usable(request: Request) -> Request:
    """Return the request with its claim, project, author and reason as they are kept; UsageError where one can't be one.

    A claim of which no key is left would be every stranger's whose key is empty too.
    """
    if (request.claim is None) == (request.project is None):
        raise UsageError("name one person", cure="give --claim CLAIM or --project PROJECT")
    who = author(request.by, request.why)
    claim = None if request.claim is None else decision(request.claim, None).claim_number
    project = None if request.project is None else usable_project(request.project)
    return replace(request, claim=claim, project=project, by=who.by, why=who.why)


def erase_person(session: SparkSession, settings: Settings, request: Request, *, now: Callable[[], datetime]) -> Report:
    """Erase a claim's or a project's data; with `dry_run` only tell what would go.

    Ids are remembered first, so that no stream takes in what is being deleted. Raises UsageError where `usable` does,
    ConfigError without `pii.erased_salt`, NotFound where no table knows the id.
    """
    request = usable(request)
    warehouse = Warehouse(root=settings.storage.warehouse)
    salt = _salt(settings)
    person = person_of(session, warehouse, claim=request.claim, project=request.project)
    if request.dry_run:
        done = Erasure(person=person, rows=counted(session, warehouse, person))
    else:
        remember(session, warehouse, person, salt, by=request.by, why=request.why, at=now())
        done = erase(
            session,
            warehouse,
            person,
            streams_stopped=request.streams_stopped,
            sentinels=request.sentinels,
            keep_files_hours=settings.jobs.maintenance.vacuum_hours,
            now=now(),
            awaited=tuple if request.streams_stopped else lambda: batches_awaited(settings),
        )
    if request.dry_run and not any(done.rows.values()):
        raise NotFound("no table holds anything of this claim or project", cure="check the number")
    held, problem = _held(settings, now())
    return Report(erasure=done, kafka=held, kafka_problem=problem)


def _salt(settings: Settings) -> Secret:
    if settings.pii.erased_salt is None:
        raise ConfigError(
            "pii.erased_salt is not set: without it a replay would bring the data back",
            cure="set it to a reference of a secret that never changes, such as {env: CLAIMX_ERASED_SALT}",
        )
    return read_secret(settings.pii.erased_salt, path="pii.erased_salt")


def _held(settings: Settings, now: datetime) -> tuple[tuple[Held, ...], str | None]:
    try:
        seconds = retention_seconds(settings.kafka, [spec.name for spec in topic_specs(settings)])
    except ClaimxError as error:  # what is erased is erased, and its report is owed
        return (), error.message
    until = {topic: None if kept is None else now + timedelta(seconds=kept) for topic, kept in seconds.items()}
    return tuple(Held(topic=topic, until=at) for topic, at in sorted(until.items())), None
