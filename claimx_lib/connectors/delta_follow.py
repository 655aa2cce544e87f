"""A Delta table that is asked again and again by one process, without a Spark job for each question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from claimx_lib.connectors.delta_open import opened

if TYPE_CHECKING:
    from deltalake import DeltaTable


class FollowedTable:
    """The table at one place; each question is answered from its newest version.

    The log is read once and then followed, so that a question costs milliseconds; a planned and compiled Spark query
    costs the better part of a second on a small batch. Not for several threads at a time.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._table: DeltaTable | None = None
        self._commit: tuple[int, int] | None = None

    def schema(self) -> T.StructType:
        """The columns as Spark sees them."""
        described: dict[str, Any] = json.loads(self._newest().schema().to_json())
        return T.StructType.fromJson(described)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of `sql`, which names the table as `t`."""
        import pyarrow as pa
        from deltalake import QueryBuilder

        return pa.table(QueryBuilder().register("t", self._newest()).execute(sql)).to_pylist()  # type: ignore[no-any-return]

    def _newest(self) -> DeltaTable:
        """A table that was made anew at the same place is opened anew; TableError where there is none any more."""
        from deltalake.exceptions import DeltaError

        table = self._table
        if table is None or self._commit is None or self._commit != self._stamp_of(table):
            table = opened(self._location)
        else:
            try:
                table.update_incremental()
            except DeltaError:
                table = opened(self._location)
        self._table, self._commit = table, self._stamp_of(table)
        return table

    def _stamp_of(self, table: DeltaTable) -> tuple[int, int] | None:
        """Tells the newest commit that was read from another one of the same number: following would not tell them apart."""
        file = Path(self._location) / "_delta_log" / f"{table.version():020}.json"
        try:
            found = file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns
