"""What is looked at before a job starts: what would fail later fails now, with one line and its cure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from claimx_lib.config.secrets import read_secret
from claimx_lib.config.tracking_topic import require_templates
from claimx_lib.config.versions import require_engine
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.connectors.checkpoint import folder_of, next_offsets, query_id_of
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.connectors.kafka_client import topics_there
from claimx_lib.connectors.kafka_offsets import offset_ranges
from claimx_lib.connectors.spark import on_databricks
from claimx_lib.domain.offsets import Gap, Offsets, Range, TopicPartition, gaps, made_anew
from claimx_lib.errors import ConfigError, KafkaError
from claimx_lib.operations.tables import require_tables
from claimx_lib.schemas import tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

EVERY_STREAM = (tables.DEAD_LETTERS, tables.ERASED_IDS)
TABLES_OF = {
    "task_trigger": EVERY_STREAM,
    "task_tracking": (tables.TRACKING, *EVERY_STREAM),
    "mapping_sync": (tables.MAPPING, tables.MAPPING_HISTORY, tables.PROJECTS, *EVERY_STREAM),
    "task_creation": (tables.MAPPING, tables.PENDING, tables.PLAN, tables.LEDGER, *EVERY_STREAM),
    "maintenance": tables.TABLES,
}


def checked(settings: Settings, jobs: Sequence[str]) -> dict[str, list[Gap]]:
    """Return, for each job, the records that are gone from the broker: none, unless `kafka.accept_data_loss`.

    Raises ConfigError (secrets, start dates), VersionError, KafkaError or TableError where a job could not run.
    """
    _require_token(settings, jobs)
    require_rules(settings, jobs)
    require_engine(on_databricks=on_databricks())
    _require_topics(settings, jobs)
    require_state(settings, jobs)
    for job in jobs:
        _require_a_record_of_loss(settings, job)
    found = {job: aged_out(settings, job) for job in jobs}
    lost = [(job, gap) for job, gone in found.items() for gap in gone]
    if lost and not settings.kafka.accept_data_loss:
        job, gap = lost[0]
        more = f" and {len(lost) - 1} ranges more" if len(lost) > 1 else ""
        raise KafkaError(
            f"{job}: {gap}{more} are gone from the broker before they were read",
            cure="give --accept-data-loss to record the gap as a dead letter and go on",
        )
    return found


def require_rules(settings: Settings, jobs: Sequence[str]) -> None:
    """Return only where the tracking takes what the trigger sends it, and a first start makes no tasks of history."""
    if "task_tracking" in jobs:
        require_templates(settings.jobs, settings.kafka.topics.tracking)
    _require_start(settings, jobs)


def tables_of(jobs: Sequence[str]) -> list[str]:
    """Return the names of the tables that the jobs read and write, each once."""
    return list(dict.fromkeys(spec.name for job in jobs for spec in TABLES_OF[job]))


def require_state(settings: Settings, jobs: Sequence[str], session: SparkSession | None = None) -> None:
    """Return only where the jobs' tables are there in this version's schema, and with them the salt of what is erased.

    Without a session only tables in local folders are looked at; the others pass.
    """
    require_tables(settings, tables_of(jobs), session)
    if _is_anything_erased(settings, session):
        _require_salt(settings)


def _is_anything_erased(settings: Settings, session: SparkSession | None) -> bool:
    warehouse, name = Warehouse(root=settings.storage.warehouse), tables.ERASED_IDS.name
    if warehouse.is_local:
        return bool(DeltaSql(root=warehouse.root).ask("SELECT erased_id FROM t LIMIT 1", name).rows)
    return session is not None and not warehouse.read(session, name).isEmpty()


def _require_salt(settings: Settings) -> None:
    reference = settings.pii.erased_salt
    if reference is None:
        raise ConfigError(
            f"pii.erased_salt is not set, and {settings.storage.warehouse} has erased_ids: who is erased would come back",
            cure="set it to the reference of the salt that claimx erase was given",
        )
    read_secret(reference, path="pii.erased_salt")


def topics_of(settings: Settings, job: str) -> tuple[list[str], list[str]]:
    """Return the topics that the job reads, and those that it writes."""
    names, creation = settings.kafka.topics, settings.jobs.task_creation
    triggers = settings.jobs.task_trigger.triggers.values()
    actions = [a for t in triggers for a in (t.on_any, *t.on_status.values()) if a is not None]
    flow = {
        "task_trigger": ([names.claimx_events], [a.publish_to_topic for a in actions]),
        "task_tracking": ([names.tracking], [names.tracking_success, names.tracking_errors]),
        "mapping_sync": ([names.project_sync, names.manual_decisions, names.claimx_events], []),
        "task_creation": (
            [names.xact_events, creation.retry_topic],
            [creation.retry_topic, creation.dlq_topic, names.project_sync],
        ),
    }
    reads, writes = flow[job]
    return list(dict.fromkeys(reads)), list(dict.fromkeys(writes))


def aged_out(settings: Settings, job: str) -> list[Gap]:
    """Return what the job's checkpoint goes on from and the broker no longer holds.

    Raises KafkaError where a topic ends before that: then it is another one, and no gap tells what is new on it.
    """
    going_on, there = _positions(settings, job)
    anew = made_anew(going_on, there)
    if anew:
        place = anew[0]
        raise KafkaError(
            f"{job}: {place.topic}/{place.partition} ends before offset {going_on[place]}, where the checkpoint goes on: "
            "the topic was made anew, or cut",
            cure="give the job a new checkpoint (docs/operations.md, Checkpoints)",
        )
    return gaps(going_on, there)


def _positions(settings: Settings, job: str) -> tuple[Offsets, dict[TopicPartition, Range]]:
    """Where the job's checkpoint goes on, and what the broker holds there."""
    folder = folder_of(settings.storage.checkpoints, job)
    going_on = {} if folder is None else next_offsets(folder)
    there = offset_ranges(settings.kafka, {place.topic for place in going_on}) if going_on else {}
    return going_on, there


def needs_token(settings: Settings, job: str) -> bool:
    """Tell whether the job, as it is set, calls ClaimX."""
    tracking, creation = settings.jobs.task_tracking, settings.jobs.task_creation
    return (job == "task_tracking" and tracking.lookup_enabled) or (job == "task_creation" and creation.mode != "off")


def _require_token(settings: Settings, jobs: Sequence[str]) -> None:
    if any(needs_token(settings, job) for job in jobs):
        api_settings(settings.claimx, read_secret(settings.claimx.token, path="claimx.token"))


def _require_start(settings: Settings, jobs: Sequence[str]) -> None:
    creation = settings.jobs.task_creation
    if "task_creation" not in jobs or not creation.require_events_since or creation.events_since is not None:
        return
    folder = folder_of(settings.storage.checkpoints, "task_creation")
    if (folder is None or query_id_of(folder) is None) and not _knows_events(settings):
        raise ConfigError(
            "jobs.task_creation.events_since is not set, and this is the job's first start: it would make tasks of history",
            cure="set it to the time from which events make tasks, such as 2026-01-10T00:00:00Z",
        )


def _knows_events(settings: Settings) -> bool:
    """Whether ledger or plan hold anything, so that a new checkpoint makes no task twice; what only Spark can read the
    job itself looks at when it starts.
    """
    if not Warehouse(root=settings.storage.warehouse).is_local:
        return True
    asked = DeltaSql(root=settings.storage.warehouse)
    return any(asked.rows("SELECT 1 AS n FROM t LIMIT 1", spec.name) for spec in (tables.LEDGER, tables.PLAN))


def _require_a_record_of_loss(settings: Settings, job: str) -> None:
    if settings.kafka.accept_data_loss and folder_of(settings.storage.checkpoints, job) is None:
        raise ConfigError(
            f"kafka.accept_data_loss is true, and {job}'s checkpoint in {settings.storage.checkpoints} can't be read from "
            "here: what is lost could not be put on record",
            cure="set it to false, and give the job a new checkpoint (docs/operations.md, Checkpoints)",
        )


def _require_topics(settings: Settings, jobs: Sequence[str]) -> None:
    there = topics_there(settings.kafka)
    wanted = [topic for job in jobs for side in topics_of(settings, job) for topic in side]
    missing = [topic for topic in dict.fromkeys(wanted) if topic not in there]
    if missing:
        raise KafkaError(
            f"{', '.join(missing)}: no such topic at {settings.kafka.bootstrap_servers}",
            cure="run claimx topics create",
        )
