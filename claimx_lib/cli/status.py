"""`claimx status`: how things stand, now or for as long as one looks."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, print_rows, tell

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings
    from claimx_lib.operations.status import Status

Watch = Annotated[bool, typer.Option("--watch", help="Look again every few seconds until Ctrl-C.")]
Every = Annotated[float, typer.Option("--every", min=0.5, help="Seconds between two looks with --watch.")]
CLEAR = "\033[H\033[J"
QUERY_COLUMNS = ("job", "batch", "last_progress", "lag_records", "records_per_second")
TITLES = {
    "tracking": "tracking rows by enrichment",
    "pending": "claims that wait, by reason",
    "dead_letters": "dead letters",
    "ledger": "ClaimX tasks by state",
    "mapping": "mappings by source",
}


def command(
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    watch: Watch = False,
    every: Every = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show each query's progress and lag, pending claims, dead letters, and the ledger by state.

    With --watch again and again until Ctrl-C, with --json too then a line each. Reads checkpoints, Kafka and tables; starts no JVM.  Example: claimx status --watch
    """
    settings = settings_of(env, config, sets)
    try:
        _look(settings, as_json=as_json, is_one_of_many=watch)
        while watch:
            time.sleep(every)
            _look(settings, as_json=as_json, is_one_of_many=watch)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _look(settings: Settings, *, as_json: bool, is_one_of_many: bool) -> None:
    """One look; of many, JSON takes a line each, and a terminal is cleared before."""
    from claimx_lib.operations.status import status

    now = datetime.now(UTC)
    found = status(settings, now=now)
    if as_json:
        print_json(found.as_dict(), is_one_line=is_one_of_many)
    else:
        if is_one_of_many and sys.stdout.isatty():
            print(CLEAR, end="")
        _print(found, now)
    sys.stdout.flush()


def _print(found: Status, now: datetime) -> None:
    rows: list[dict[str, Any]] = [
        {
            "job": query.job,
            "batch": query.batch,
            "last_progress": None if query.seconds_ago is None else f"{_age(query.seconds_ago)} ago",
            "lag_records": query.lag_records,
            "records_per_second": query.records_per_second,
        }
        for query in found.queries
    ]
    print_rows(rows, QUERY_COLUMNS, as_json=False)
    for name, title in TITLES.items():
        if name in found.tables:
            print(f"\n{title}")
            for what, count in found.tables[name].items() or [("none", 0)]:
                print(f"  {count:>9,}  {what}")
    oldest = found.tables.get("oldest_pending_at")
    if oldest is not None:
        print(f"\noldest pending claim: {_age((now - oldest).total_seconds())}")
    for problem in found.problems:
        tell(f"claimx: {problem}")


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
