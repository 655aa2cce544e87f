"""Questions to Delta tables in SQL, without a JVM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claimx_lib.config.settings import CATALOG_ROOT
from claimx_lib.connectors.delta_open import opened
from claimx_lib.connectors.local_path import local_path
from claimx_lib.errors import TableError

if TYPE_CHECKING:
    from deltalake import DeltaTable

Row = dict[str, Any]
NEWEST_COMMITS = 200


def _is_conflict(error: Exception) -> bool:
    from deltalake.exceptions import CommitFailedError

    return isinstance(error, CommitFailedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows of one question, and the version of the table that they were read at."""

    rows: tuple[Row, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSql:
    """Tables below one root, each question answered from the newest version at that moment.

    10⁵ rows take some 15 ms; deletion vectors are respected. A root in a catalog raises TableError: nobody reaches it
    without a JVM.
    """

    root: str

    def exists(self, table: str) -> bool:
        """Tell whether the table is there."""
        from deltalake import DeltaTable

        self._require_reachable(table)
        return DeltaTable.is_deltatable(self._location(table))

    def version(self, table: str) -> int:
        """Return the table's newest version; TableError where it isn't there."""
        return self._opened(table).version()

    def ask(self, sql: str, table: str) -> Answer:
        """Return the rows of `sql`, which names the table as `t`; values go in through `literal`."""
        from deltalake import QueryBuilder

        opened = self._opened(table)
        found = QueryBuilder().register("t", opened).execute(sql).read_all()  # no pyarrow: loading it takes longer
        columns = [column.to_pylist() for column in found.columns]
        rows = (dict(zip(found.column_names, row, strict=True)) for row in zip(*columns, strict=True))
        return Answer(rows=tuple(rows), version=opened.version())

    def rows(self, sql: str, table: str) -> tuple[Row, ...]:
        """Return the rows of `sql`; none where the table isn't there yet."""
        return self.ask(sql, table).rows if self.exists(table) else ()

    def update(self, table: str, values: Mapping[str, str], where: str) -> int:
        """Set columns to SQL expressions in the rows that meet `where`; return how many did, at the moment of the commit.

        Of two calls at one row the later sees what the earlier did, in this process or another.
        """
        import stamina

        @stamina.retry(on=_is_conflict, attempts=6, timeout=60.0, wait_initial=0.1, wait_max=2.0)
        def updated() -> int:
            done = self._opened(table).update(updates=dict(values), predicate=where)
            return int(done["num_updated_rows"])

        return updated()

    def updated_at(self, table: str, mention: str) -> datetime | None:
        """Return when the newest update whose condition holds this text was made; None where the log no longer tells."""
        for commit in self._opened(table).history(NEWEST_COMMITS):
            told = commit.get("operationParameters") or {}
            if commit.get("operation") == "UPDATE" and mention in str(told.get("predicate", "")):
                return datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)
        return None

    def _opened(self, table: str) -> DeltaTable:
        self._require_reachable(table)
        return opened(self._location(table))

    def _require_reachable(self, table: str) -> None:
        if CATALOG_ROOT.match(self.root) is not None:
            raise TableError(
                f"{self.root}.{table}: a table in Unity Catalog can't be read without a JVM",
                cure="ask in SQL in the workspace; only tables at a path or URI are read from here (docs/operations.md)",
            )

    def _location(self, table: str) -> str:
        folder = local_path(self.root)
        return f"{self.root.rstrip('/')}/{table}" if folder is None else str(folder / table)


def literal(value: str | int | datetime) -> str:
    """Return a SQL literal that holds exactly this value, whatever characters it has."""
    if isinstance(value, datetime):
        return f"to_timestamp_micros({int(value.astimezone(UTC).timestamp() * 1_000_000)})"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def any_of(column: str, values: tuple[str, ...]) -> str:
    """Return a condition that holds where the column equals one of the values; of none, nowhere."""
    return f"{column} IN ({', '.join(literal(v) for v in values)})" if values else "false"
