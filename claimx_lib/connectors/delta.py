"""Delta tables by name, wherever the warehouse is; appends that can run twice."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from claimx_lib.config.settings import CATALOG_ROOT
from claimx_lib.connectors.local_path import local_path
from claimx_lib.errors import TableError

if TYPE_CHECKING:
    from delta.tables import DeltaTable
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

Given = ParamSpec("Given")
Told = TypeVar("Told")
COMMIT = re.compile(r"\d{20}\.json")
NEWEST_COMMITS = 50
CONFLICTS = ("ConcurrentAppendException", "ConcurrentDeleteReadException", "ConcurrentDeleteDeleteException",
             "ConcurrentTransactionException", "ConcurrentWriteException", "MetadataChangedException")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """The root of the tables: a path or URI (`<root>/<table>`), or `catalog.schema`."""

    root: str

    @property
    def is_catalog(self) -> bool:
        """Tell whether tables are named in a catalog rather than by path."""
        return CATALOG_ROOT.match(self.root) is not None

    @property
    def folder(self) -> Path | None:
        """Return the root as a folder of this machine; None behind a URI, `dbfs:` or a catalog, where no file is at hand."""
        return None if self.is_catalog else local_path(self.root)

    @property
    def is_local(self) -> bool:
        """Tell whether the tables' files are at hand."""
        return self.folder is not None

    def location(self, table: str) -> str:
        """Return the table's path or URI, or its three-part name."""
        return f"{self.root}.{table}" if self.is_catalog else f"{self.root.rstrip('/')}/{table}"

    def sql_name(self, table: str) -> str:
        """Return what stands for the table in a SQL text."""
        if self.is_catalog:
            return ".".join(f"`{part}`" for part in self.location(table).split("."))
        return f"delta.`{self.location(table)}`"

    def exists(self, session: SparkSession, table: str) -> bool:
        """Tell whether the table is there as a Delta table."""
        from delta.tables import DeltaTable

        if self.is_catalog:
            return bool(session.catalog.tableExists(self.sql_name(table)))
        return bool(DeltaTable.isDeltaTable(session, self.location(table)))

    def read(self, session: SparkSession, table: str) -> DataFrame:
        """Return the table's newest version as a frame."""
        if self.is_catalog:
            return session.read.table(self.sql_name(table))
        return session.read.format("delta").load(self.location(table))

    def open(self, session: SparkSession, table: str) -> DeltaTable:
        """Return the handle for MERGE, UPDATE, DELETE and history; TableError where it isn't there."""
        from delta.tables import DeltaTable

        if not self.exists(session, table):
            raise TableError(f"{self.location(table)}: no such Delta table", cure="run claimx tables create")
        if self.is_catalog:
            return DeltaTable.forName(session, self.sql_name(table))
        return DeltaTable.forPath(session, self.location(table))

    def append(self, frame: DataFrame, table: str, *, merge_schema: bool = False) -> None:
        """Append the rows once for each call: a crash after the commit and a call again doubles them."""
        self._save(frame.sparkSession, frame.write, table, merge_schema=merge_schema)

    def append_once(
        self, frame: DataFrame, table: str, *, app_id: str, version: int, merge_schema: bool = False, note: str = ""
    ) -> None:
        """Append the rows unless (app_id, version) or a later version of app_id was appended before.

        A second call with the same pair is a no-op, whatever its rows (Delta's idempotent writes).
        The app id must hold the query id: a new checkpoint counts versions from 0 again and would be
        dropped in silence. Two appends of one batch need two app ids. `note` is what `has_commit` finds it by.
        """
        writer = frame.write.option("txnAppId", app_id).option("txnVersion", version)
        writer = writer.option("userMetadata", note) if note else writer
        self._save(frame.sparkSession, writer, table, merge_schema=merge_schema)

    def has_commit(self, session: SparkSession, table: str, *, note: str) -> bool:
        """Tell whether one of the table's newest commits was made under this note; quick where the files are at hand."""
        if self.folder is not None:
            return _is_noted(self.folder / table, note)
        newest = self.open(session, table).history(NEWEST_COMMITS)
        return newest.where(newest["userMetadata"] == note).limit(1).count() > 0

    def _save(self, session: SparkSession, writer: DataFrameWriter, table: str, *, merge_schema: bool) -> None:
        """TableError where the table is gone: Spark would make another one, without our columns and properties."""
        if not self.exists(session, table):
            raise TableError(f"{self.location(table)}: no such Delta table", cure="run claimx tables create")
        ready = writer.format("delta").mode("append").option("mergeSchema", str(merge_schema).lower())
        if self.is_catalog:
            ready.saveAsTable(self.sql_name(table))
        else:
            ready.save(self.location(table))


def _is_noted(table: Path, note: str) -> bool:
    """By the log's own files: each commit names its `userMetadata` as it was given."""
    log = table / "_delta_log"
    commits = heapq.nlargest(NEWEST_COMMITS, (file.name for file in log.iterdir() if COMMIT.fullmatch(file.name)))
    return any(f'"userMetadata":"{note}"' in (log / name).read_text("utf-8") for name in commits)


def is_conflict(error: Exception) -> bool:
    """Tell whether Delta refused a commit because another writer came first."""
    text = f"{type(error).__name__} {error}"
    return any(name in text for name in CONFLICTS)


def is_another_type(error: Exception) -> bool:
    """Tell whether rows could not be appended because a field of theirs has another type in the table."""
    return "DELTA_FAILED_TO_MERGE_FIELDS" in str(error)


def on_conflict_again(act: Callable[Given, Told]) -> Callable[Given, Told]:
    """Decorate a short MERGE, UPDATE or DELETE by id: it is tried again when another writer came first."""

    @wraps(act)
    def again(*args: Given.args, **options: Given.kwargs) -> Told:
        import stamina  # only writers need it, and questions by DeltaSql are over before it is loaded

        retried = stamina.retry(on=is_conflict, attempts=6, timeout=120.0, wait_initial=0.2, wait_max=5.0)
        return retried(act)(*args, **options)

    return again
