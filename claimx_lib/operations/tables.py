"""The Delta tables: created where they are missing, brought to this version's schema, refused when of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from claimx_lib.config.versions import SCHEMA_VERSION
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_open import opened
from claimx_lib.domain.sql_text import text_literal
from claimx_lib.errors import TableError
from claimx_lib.schemas.tables import BY_NAME, TABLES, TableSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

VERSION_KEY = "claimx.schema_version"
_PROTOCOL = ("delta.feature.", "delta.minReaderVersion", "delta.minWriterVersion")
"""What Delta takes at a table's making and does not keep among its properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """What was done with a table, or would be: one text for each step, none where all is as it should be."""

    table: str
    location: str
    result: str
    steps: tuple[str, ...] = ()


def create_missing(session: SparkSession, settings: Settings) -> list[TableReport]:
    """Create each table that is not there and change none that is; a second call does nothing."""
    warehouse = Warehouse(root=settings.storage.warehouse)
    return [_created(session, warehouse, spec, settings.storage.table_properties) for spec in TABLES]


def _created(session: SparkSession, warehouse: Warehouse, spec: TableSpec, further: dict[str, str]) -> TableReport:
    from delta.tables import DeltaTable

    location = warehouse.location(spec.name)
    if warehouse.exists(session, spec.name):
        return TableReport(table=spec.name, location=location, result="there already")
    builder = DeltaTable.createIfNotExists(session).addColumns(spec.schema).comment(spec.comment)
    builder = builder.tableName(location) if warehouse.is_catalog else builder.location(location)
    if spec.partitioned_by:
        builder = builder.partitionedBy(*spec.partitioned_by)
    for key, value in {**spec.properties, **further}.items():
        builder = builder.property(key, value)
    builder.execute()
    return TableReport(table=spec.name, location=location, result="created")


def migrate(session: SparkSession, settings: Settings, *, dry_run: bool) -> list[TableReport]:
    """Bring each table to this version's schema: columns that are missing are added, properties set, those of
    `storage.table_properties` too.

    Nothing is dropped, renamed or retyped; TableError names a table that only a person can bring over.
    With `dry_run` the steps are told and not done.
    """
    warehouse = Warehouse(root=settings.storage.warehouse)
    further = settings.storage.table_properties
    return [_migrated(session, warehouse, spec, further, dry_run=dry_run) for spec in TABLES]


def _migrated(
    session: SparkSession, warehouse: Warehouse, spec: TableSpec, further: dict[str, str], *, dry_run: bool
) -> TableReport:
    location = warehouse.location(spec.name)
    if not warehouse.exists(session, spec.name):
        return TableReport(table=spec.name, location=location, result="missing: claimx tables create makes it")
    there = warehouse.read(session, spec.name).schema
    properties = _properties(session, warehouse, spec.name) or {}
    _refuse_newer(location, properties.get(VERSION_KEY))
    statements = [*_column_steps(spec, there, location), *_property_steps({**spec.properties, **further}, properties)]
    if not dry_run:
        for statement in statements:
            session.sql(f"ALTER TABLE {warehouse.sql_name(spec.name)} {statement}")
    result = "up to date" if not statements else "would change" if dry_run else "migrated"
    return TableReport(table=spec.name, location=location, result=result, steps=tuple(statements))


def _column_steps(spec: TableSpec, there: T.StructType, location: str) -> list[str]:
    found = {column.name.lower(): column.dataType for column in there}
    missing = []
    for column in spec.schema:
        kind = found.get(column.name.lower())
        if kind is None:
            missing.append(f"`{column.name}` {column.dataType.simpleString()}")
        elif type(kind) is not type(column.dataType):
            raise TableError(
                f"{location}: column {column.name} is {kind.simpleString()}, this version needs {column.dataType.simpleString()}",
                cure="copy the table to a new warehouse, or mend the column's type by hand",
            )
    return [f"ADD COLUMNS ({', '.join(missing)})"] if missing else []


def _property_steps(wanted: dict[str, str], there: dict[str, str]) -> list[str]:
    wrong = {key: value for key, value in wanted.items() if there.get(key) != value and not key.startswith(_PROTOCOL)}
    pairs = ", ".join(f"{text_literal(key)} = {text_literal(value)}" for key, value in wrong.items())
    return [f"SET TBLPROPERTIES ({pairs})"] if wrong else []


def _refuse_newer(location: str, version: str | None) -> None:
    if version is not None and version.isdigit() and int(version) > int(SCHEMA_VERSION):
        raise TableError(
            f"{location}: schema version {version}, newer than this claimx's {SCHEMA_VERSION}",
            cure="run the newer claimx: an older one never changes its tables",
        )


def require_tables(settings: Settings, names: Iterable[str], session: SparkSession | None = None) -> None:
    """Return only where each table is there in this version's schema; else TableError with the command to run.

    Without a session only tables in local folders are looked at, in milliseconds; the others pass.
    """
    warehouse = Warehouse(root=settings.storage.warehouse)
    for name in names:
        if session is None and not warehouse.is_local:
            continue
        properties = _properties(session, warehouse, BY_NAME[name].name)
        if properties is None:
            raise TableError(f"{warehouse.location(name)}: no such Delta table", cure="run claimx tables create")
        _refuse_newer(warehouse.location(name), properties.get(VERSION_KEY))
        if properties.get(VERSION_KEY) != SCHEMA_VERSION:
            raise TableError(
                f"{warehouse.location(name)}: schema version {properties.get(VERSION_KEY, 'none')}, "
                f"this claimx reads and writes {SCHEMA_VERSION}",
                cure="run claimx tables migrate --dry-run, then without it",
            )


def _properties(session: SparkSession | None, warehouse: Warehouse, name: str) -> dict[str, str] | None:
    if warehouse.folder is not None:
        return _local_properties(warehouse.folder / name)
    if session is None or not warehouse.exists(session, name):
        return None
    rows = session.sql(f"SHOW TBLPROPERTIES {warehouse.sql_name(name)}").collect()
    return {row["key"]: row["value"] for row in rows}


def _local_properties(folder: Path) -> dict[str, str] | None:
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(str(folder)):
        return None
    return dict(opened(str(folder)).metadata().configuration)
