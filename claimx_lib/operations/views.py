"""The SQL views: kept in Unity Catalog, or of one session where the tables are folders."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.domain.sql_text import text_literal
from claimx_lib.domain.task_status import TERMINAL_STATUSES
from claimx_lib.operations.tables import TableReport
from claimx_lib.schemas.identity_views import VIEWS
from claimx_lib.schemas.tables import TABLES
from claimx_lib.schemas.views import ViewSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Analysis, Settings

NOW = "current_timestamp()"
DIGEST = "claimx.view_digest"
"""View property that tells which text, with which settings, a view was made of."""


def create_missing(session: SparkSession, settings: Settings) -> list[TableReport]:
    """Create each view that is not there and change none that is; none where the tables are folders.

    A path has no place for a view: Spark keeps views in a catalog. `register` makes them for one session instead.
    """
    return _kept(session, settings, may_replace=False, dry_run=False)


def migrate(session: SparkSession, settings: Settings, *, dry_run: bool) -> list[TableReport]:
    """Make each view anew whose text, or the settings in it, has changed; with `dry_run` say so only."""
    return _kept(session, settings, may_replace=True, dry_run=dry_run)


def register(session: SparkSession, settings: Settings, *, as_of: datetime | None = None) -> list[str]:
    """Make every view a temporary one of this session, wherever the tables are; return their names.

    "Now" is `as_of` where it is given, so that every view tells of the same moment.
    """
    warehouse = Warehouse(root=settings.storage.warehouse)
    names = {spec.name: warehouse.sql_name(spec.name) for spec in TABLES} | {spec.name: spec.name for spec in VIEWS}
    for spec in VIEWS:
        session.sql(
            f"CREATE OR REPLACE TEMPORARY VIEW {spec.name} AS {rendered(spec, names, settings.analysis, as_of)}"
        )
    return [spec.name for spec in VIEWS]


def rendered(spec: ViewSpec, names: Mapping[str, str], analysis: Analysis, as_of: datetime | None = None) -> str:
    """The view's SELECT with every name and parameter filled in."""
    moment = NOW if as_of is None else f"timestamp_micros({round(as_of.timestamp() * 1_000_000)})"
    return spec.sql.format(
        **names,
        as_of=moment,
        timezone=text_literal(analysis.timezone),
        terminal=", ".join(map(text_literal, TERMINAL_STATUSES)),
        limits=_limits(analysis.sla_hours),
        quantile=repr(analysis.stuck_quantile),
        min_observations=analysis.stuck_min_observations,
    )


def _kept(session: SparkSession, settings: Settings, *, may_replace: bool, dry_run: bool) -> list[TableReport]:
    warehouse = Warehouse(root=settings.storage.warehouse)
    if not warehouse.is_catalog:
        return []
    names = {spec.name: warehouse.sql_name(spec.name) for spec in (*TABLES, *VIEWS)}
    reports = []
    for spec in VIEWS:
        select = rendered(spec, names, settings.analysis)
        found = _digest_of(session, warehouse, spec)
        is_due = found is None if not may_replace else found not in {None, _digest(select)}
        if is_due and not dry_run:
            session.sql(_statement(spec, names[spec.name], select))
        reports.append(
            TableReport(
                table=spec.name,
                location=warehouse.location(spec.name),
                result=_result(is_due=is_due, is_there=found is not None, may_replace=may_replace, dry_run=dry_run),
                steps=("CREATE OR REPLACE VIEW",) if is_due and may_replace else (),
            )
        )
    return reports


def _result(*, is_due: bool, is_there: bool, may_replace: bool, dry_run: bool) -> str:
    if not may_replace:
        return "created" if is_due else "there already"
    if not is_there:
        return "missing: claimx tables create makes it"
    if not is_due:
        return "up to date"
    return "would change" if dry_run else "migrated"


def _statement(spec: ViewSpec, name: str, select: str) -> str:
    kept = f"TBLPROPERTIES ({text_literal(DIGEST)} = {text_literal(_digest(select))})"
    return f"CREATE OR REPLACE VIEW {name} COMMENT {text_literal(spec.comment)} {kept} AS {select}"


def _digest(select: str) -> str:
    return hashlib.sha256(select.encode()).hexdigest()


def _digest_of(session: SparkSession, warehouse: Warehouse, spec: ViewSpec) -> str | None:
    """The digest of the view that is there, empty where it has none; None where there is no view."""
    if not session.catalog.tableExists(warehouse.sql_name(spec.name)):
        return None
    rows = session.sql(f"SHOW TBLPROPERTIES {warehouse.sql_name(spec.name)}").collect()
    return next((row["value"] for row in rows if row["key"] == DIGEST), "")


def _limits(hours: Mapping[str, float]) -> str:
    by_status = {status.lower(): float(limit) for status, limit in hours.items()}
    rows = [f"SELECT {text_literal(status)} AS status, {limit}D AS limit_hours" for status, limit in by_status.items()]
    return " UNION ALL ".join(rows) or "SELECT '' AS status, 0D AS limit_hours WHERE false"
