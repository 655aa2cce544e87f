"""`xact_task_ledger` on Delta: appended to, read by key, ordered by commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from claimx_lib.domain.creation.ledger import LedgerRow
from claimx_lib.schemas.tables import LEDGER
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.creation_rows import frame_of, ledger_row, ledger_values
from claimx_lib.transforms.key_ranges import among


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaLedger:
    """The ledger's table; an append is durable and has its place in the table's order when it returns."""

    context: JobContext

    def version(self) -> int:
        """The table's newest version."""
        return version_of(self.context, LEDGER.name)

    def rows(self, keys: Iterable[str]) -> list[LedgerRow]:
        """All rows of these keys, the oldest first."""
        table = self.context.warehouse.read(self.context.session, LEDGER.name)
        found = among(table, "idempotency_key", keys).collect()
        return sorted(map(ledger_row, found), key=lambda row: row.at)

    def append(self, rows: Sequence[LedgerRow]) -> None:
        """Commit the rows as they are."""
        values = [ledger_values(row, LEDGER.schema.names) for row in rows]
        self.context.warehouse.append(frame_of(self.context.session, values, LEDGER.schema), LEDGER.name)

    def appended_since(self, version: int, keys: Iterable[str]) -> list[tuple[int, LedgerRow]]:
        """Rows of these keys committed after `version`, by whomever, each with the version that committed it."""
        wanted = set(
            keys
        )  # compared here: what came in since a batch began is little, a join with its keys is a job more
        feed = changes_of(self.context, LEDGER.name, version + 1).where(F.col("_change_type") == "insert").collect()
        found = [(row["_commit_version"], ledger_row(row)) for row in feed if row["idempotency_key"] in wanted]
        return sorted(found, key=lambda pair: pair[0])


def version_of(context: JobContext, table: str) -> int:
    """The newest version of a Delta table."""
    newest = context.warehouse.open(context.session, table).history(1).select("version").first()
    return int(newest["version"]) if newest is not None else 0


def changes_of(context: JobContext, table: str, first: int, last: int | None = None) -> DataFrame:
    """A table's change feed from version `first`, up to `last` where one is given."""
    reader = context.session.read.format("delta").option("readChangeFeed", "true").option("startingVersion", first)
    if last is not None:
        reader = reader.option("endingVersion", last)
    warehouse = context.warehouse
    return reader.table(warehouse.sql_name(table)) if warehouse.is_catalog else reader.load(warehouse.location(table))
