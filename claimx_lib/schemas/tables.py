"""The Delta tables: columns, keys, partitions and properties (contract, section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import types as T

from claimx_lib.config.versions import SCHEMA_VERSION

STR, INT, LONG, TS, BIN = T.StringType(), T.IntegerType(), T.LongType(), T.TimestampType(), T.BinaryType()
HEADERS = T.ArrayType(T.StructType([T.StructField("key", STR), T.StructField("value", BIN)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """What `claimx tables create` makes of a table and `tables migrate` holds it to."""

    name: str
    schema: T.StructType
    comment: str
    partitioned_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


def _columns(*columns: tuple[str, T.DataType] | tuple[str, T.DataType, bool]) -> T.StructType:
    return T.StructType([T.StructField(name, kind, all(nullable)) for name, kind, *nullable in columns])


# Each look lists a table's log whole, and a trigger of 10 s commits up to 8,640 times a day: Delta keeps 30 days of them.
_VERSION = {"claimx.schema_version": SCHEMA_VERSION, "delta.logRetentionDuration": "interval 7 days"}
_CHANGE_FEED = {"delta.enableChangeDataFeed": "true"}
_DELETION_VECTORS = {"delta.enableDeletionVectors": "true"}
_AUTO_OPTIMIZE = {"delta.autoOptimize.optimizeWrite": "true", "delta.autoOptimize.autoCompact": "true"}


def _statistics(columns: str) -> dict[str, str]:
    """Only these columns have their smallest and largest values in the log: what a person wrote stays out of it."""
    return {"delta.dataSkippingStatsColumns": columns}


_SOURCE = (("source_topic", STR), ("source_partition", INT), ("source_offset", LONG))

TASK_FIELDS = _columns(
    ("task_id", LONG), ("assignment_id", LONG), ("task_name", STR), ("status", STR), ("previous_status", STR)
)
PROJECT_FIELDS = _columns(("project_id", STR), ("claim_number", STR), ("project_name", STR))
DETAIL_FIELDS = _columns(("id", LONG), ("status", STR))

TRACKING = TableSpec(
    name="itel_cabinet_task_tracking",
    comment="One row for each event of an iTel cabinet task, with ClaimX details as they were then",
    schema=_columns(
        ("event_id", STR, False),
        ("event_type", STR, False),
        ("event_timestamp", TS, False),
        ("processed_timestamp", TS, False),
        ("task_id", INT, False),
        ("assignment_id", INT),
        ("project_id", STR, False),
        ("task_status", STR, False),
        ("task_name", STR),
        ("assigned_to_user_id", INT),
        ("assigned_by_user_id", INT),
        ("task_created_at", TS),
        ("task_completed_at", TS),
        ("claimx_task_full", DETAIL_FIELDS),
        ("original_event", TASK_FIELDS),
        ("project_data", PROJECT_FIELDS),
        ("tracking_version", STR),
        ("source", STR),
        ("year", INT),
        ("month", INT),
        ("day", INT),
        ("previous_status", STR),
        ("enrichment_status", STR),
        ("enrichment_error", STR),
        ("enriched_at", TS),
        ("claimx_project_full", PROJECT_FIELDS),
        ("rescued_data", STR),
        *_SOURCE,
    ),
    partitioned_by=("year", "month", "day"),
    properties={
        **_VERSION,
        **_CHANGE_FEED,
        **_AUTO_OPTIMIZE,
        **_statistics("event_id,event_timestamp,task_id,assignment_id,project_id,task_status,enrichment_status"),
    },
)

MAPPING = TableSpec(
    name="claim_project_mapping",
    comment="The ClaimX project of each claim; written by mapping_sync alone",
    schema=_columns(
        ("claim_number", STR, False),
        ("project_id", LONG, False),
        ("source", STR),
        ("created_at", TS),
        ("updated_at", TS),
        ("claim_key", STR),
        ("event_timestamp", TS),
        ("event_id", STR),
        ("rivals", T.ArrayType(LONG)),
    ),
    properties={**_VERSION, **_CHANGE_FEED, **_DELETION_VECTORS},
)

MAPPING_HISTORY = TableSpec(
    name="claim_project_mapping_history",
    comment="Every identity event and what became of it; append-only",
    schema=_columns(
        ("event_id", STR, False),
        ("claim_number", STR),
        ("claim_key", STR),
        ("from", LONG),
        ("to", LONG),
        ("source", STR),
        ("action", STR),
        ("by", STR),
        ("why", STR),
        ("event_timestamp", TS),
        ("outcome", STR),
        ("at", TS),
        *_SOURCE,
    ),
    properties={**_VERSION, **_statistics("event_id,claim_number,claim_key,to,event_timestamp,outcome,at")},
)

PROJECTS = TableSpec(
    name="claimx_projects",
    comment="The newest project event of each ClaimX project; written by mapping_sync alone",
    schema=_columns(
        ("project_id", LONG, False),
        ("claim_number", STR),
        ("claim_key", STR),
        ("project_name", STR),
        ("address", STR),
        ("event_timestamp", TS),
        ("event_id", STR),
        ("claim_event_timestamp", TS),
        ("claim_event_id", STR),
    ),
    properties={**_VERSION, **_DELETION_VECTORS, **_statistics("project_id,claim_key,event_timestamp,event_id")},
)

PENDING = TableSpec(
    name="xact_task_pending",
    comment="XACT events that wait for their project; written by task_creation alone",
    schema=_columns(
        ("event_id", STR, False),
        ("claim_number", STR),
        ("claim_key", STR),
        ("attempts", INT),
        ("first_seen_at", TS),
        ("next_attempt_at", TS),
        ("last_reason", STR),
        ("original_message", STR),
        *_SOURCE,
        ("source_key", STR),
        ("raw_value", BIN),
        ("headers", HEADERS),
        ("attempt_id", STR),
        ("updated_at", TS),
    ),
    properties={**_VERSION, **_statistics("event_id,claim_key,next_attempt_at,updated_at")},
)

PLAN = TableSpec(
    name="xact_task_plan",
    comment="What a batch of task_creation decided before it did it; append-only",
    schema=_columns(
        ("query_id", STR, False),
        ("batch_id", LONG, False),
        ("mapping_version", LONG),
        ("seq", INT),
        ("decision", STR),
        ("event_id", STR),
        ("payload", STR),
        ("raw_value", BIN),
        ("headers", HEADERS),
        ("at", TS),
    ),
    properties={**_VERSION, **_statistics("query_id,batch_id,mapping_version,seq,event_id,at")},
)

LEDGER = TableSpec(
    name="xact_task_ledger",
    comment="Each step of creating a ClaimX task: intent before, outcome after; append-only",
    schema=_columns(
        ("idempotency_key", STR, False),
        ("event_id", STR),
        ("state", STR, False),
        ("claim_number", STR),
        ("project_id", LONG),
        ("claimx_task_id", STR),
        ("attempt_id", STR),
        ("expires_at", TS),
        ("rule", STR),
        ("resolved_by", STR),
        ("reason", STR),
        ("error", STR),
        *_SOURCE,
        ("at", TS),
    ),
    # The feed tells whose INTENT was committed first.
    properties={**_VERSION, **_CHANGE_FEED, **_statistics("idempotency_key,event_id,claim_number,project_id")},
)

DEAD_LETTERS = TableSpec(
    name="dead_letters",
    comment="What no machine could settle, whole, with its reason and what people did about it",
    schema=_columns(
        ("dead_letter_id", STR, False),
        ("pipeline", STR),
        ("state", STR),
        ("reason", STR),
        ("error", STR),
        ("claim_number", STR),
        ("event_id", STR),
        *_SOURCE,
        ("source_key", STR),
        ("raw_value", BIN),
        ("headers", HEADERS),
        ("attempts", INT),
        ("opened_at", TS),
        ("closed_at", TS),
        ("by", STR),
        ("why", STR),
        ("replay_count", INT),
        ("candidates", STR),
    ),
    properties={
        **_VERSION,
        **dict.fromkeys(("delta.enableDeletionVectors", "delta.enableChangeDataFeed"), "false"),
        **_statistics(
            "dead_letter_id,state,reason,claim_number,event_id,source_topic,source_offset,opened_at,closed_at"
        ),
    },
)

ERASED_IDS = TableSpec(
    name="erased_ids",
    comment="Salted hashes of the ids that claimx erase has removed: no stream takes them in again",
    schema=_columns(("erased_id", STR, False), ("kind", STR), ("at", TS), ("by", STR), ("why", STR)),
    properties={**_VERSION},
)

TABLES = (TRACKING, MAPPING, MAPPING_HISTORY, PROJECTS, PENDING, PLAN, LEDGER, DEAD_LETTERS, ERASED_IDS)
BY_NAME = {spec.name: spec for spec in TABLES}
