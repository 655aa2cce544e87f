"""The Delta tables without Spark: made by delta-rs in the shapes of `schemas/tables.py`, for readers without a JVM."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake

from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.schemas.tables import BY_NAME, TABLES

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Tables:
    """A warehouse in a folder; rows are dicts, columns that are left out are NULL."""

    root: Path
    schemas: dict[str, pa.Schema] = field(default_factory=dict)

    @property
    def sql(self) -> DeltaSql:
        return DeltaSql(root=str(self.root))

    def create(self, *names: str) -> Tables:
        for spec in (BY_NAME[name] for name in names) if names else TABLES:
            made, self.schemas[spec.name] = _empty(spec.name)
            shutil.copytree(made, self.root / spec.name)
        return self

    def append(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        schema = self.schemas[table]
        listed = [{name: row.get(name) for name in schema.names} for row in rows]
        write_deltalake(str(self.root / table), pa.Table.from_pylist(listed, schema=schema), mode="append")

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        return list(self.sql.ask(f"SELECT * FROM t WHERE {where}", table).rows)  # noqa: S608 - a test's own condition


@cache
def _empty(name: str) -> tuple[Path, pa.Schema]:
    """A table without rows that is made once, to be copied, and its schema."""
    spec, folder = BY_NAME[name], Path(tempfile.mkdtemp(prefix="claimx-table-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    schema = Schema.from_json(spec.schema.json())
    DeltaTable.create(str(folder / name), schema, partition_by=list(spec.partitioned_by) or None)
    return folder / name, _with_views_plain(pa.schema(schema))


def _with_views_plain(schema: pa.Schema) -> pa.Schema:
    """The same schema in types that pyarrow makes of Python values."""
    return pa.schema([pa.field(f.name, _plain(f.type), nullable=True) for f in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_binary_view(kind) or pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain(f.type)) for f in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind


def letter_id(name: object) -> str:
    """A letter's id, made of any name."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def letter(name: object, **values: Any) -> dict[str, Any]:
    """A row of `dead_letters`: an open one of task_creation whose project was not found, unless told otherwise."""
    claim = values.get("claim_number", "ABC-123456")
    event_id = values.get("event_id", f"evt-{name}")
    event = f'{{"event_id": "{event_id}", "event_type": "ESTIMATE_CREATED", "claim_number": "{claim}"}}'
    return {
        "dead_letter_id": letter_id(name),
        "pipeline": "task_creation",
        "state": "OPEN",
        "reason": "project-not-found",
        "error": "ClaimX project not found after 3 retries",
        "claim_number": claim,
        "event_id": event_id,
        "source_topic": "xact.events",
        "source_partition": 0,
        "source_offset": 0,
        "source_key": claim,
        "raw_value": event.encode(),
        "attempts": 4,
        "opened_at": NOW - timedelta(hours=1),
        "replay_count": 0,
        **values,
    }


def mapping(claim_number: str, project_id: int, *, key: str, source: str = "claimx") -> dict[str, Any]:
    """A row of `claim_project_mapping`."""
    return {
        "claim_number": claim_number,
        "project_id": project_id,
        "source": source,
        "claim_key": key,
        "created_at": NOW - timedelta(days=2),
        "updated_at": NOW - timedelta(days=1),
        "event_timestamp": NOW - timedelta(days=1),
        "event_id": f"map-{claim_number}",
    }


def project(project_id: int, claim_number: str, *, key: str, name: str = "") -> dict[str, Any]:
    """A row of `claimx_projects`."""
    return {
        "project_id": project_id,
        "claim_number": claim_number,
        "claim_key": key,
        "project_name": name,
        "address": None,
        "event_timestamp": NOW - timedelta(days=1),
        "event_id": f"prj-{project_id}",
    }


def tracked(task: int, status: str, at: datetime, enrichment: str = "enriched", **values: Any) -> dict[str, Any]:
    """A row of `itel_cabinet_task_tracking`."""
    return {
        "event_id": f"{task}-{status}-{at:%d%H%M%S}",
        "event_type": f"CUSTOM_TASK_{status.upper()}",
        "event_timestamp": at,
        "processed_timestamp": at + timedelta(seconds=2),
        "task_id": 32513,
        "assignment_id": task,
        "project_id": "77",
        "task_status": status,
        "task_name": "Cabinet",
        "enrichment_status": enrichment,
        "year": at.year,
        "month": at.month,
        "day": at.day,
        **values,
    }
