from __future__ import annotations

from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame

from claimx_lib.schemas.tables import ERASED_IDS
from claimx_lib.streams.appends import append_new
from claimx_lib.streams.context import BatchRef, JobContext

TABLE = ERASED_IDS.name


@pytest.fixture
def process(context_with: Callable[..., JobContext]) -> JobContext:
    """A process that has appended nothing yet."""
    return context_with()


def rows(context: JobContext, *ids: str) -> DataFrame:
    return context.session.createDataFrame([(one, None, None, None, None) for one in ids], ERASED_IDS.schema)


def append(context: JobContext, number: int, *ids: str) -> bool:
    batch = BatchRef(query_id="q1", batch_id=number)
    return append_new(
        context, rows(context, *ids), TABLE, batch, app_id="job:q1:table:rows", keys=["erased_id", "kind"]
    )


def there(context: JobContext) -> list[str]:
    found = context.warehouse.read(context.session, TABLE).select("erased_id").collect()
    return sorted(row.erased_id for row in found)


def restarted(context: JobContext) -> JobContext:
    context.counted.clear()
    return context


def test_a_number_that_was_used_for_other_records_loses_none(process: JobContext) -> None:
    """On a checkpoint that was put back, rows under numbers of before are appended, and each of them once."""
    for number in range(3):
        append(process, number, f"old-{number}")
    again = restarted(process)
    for number in range(1, 5):
        append(again, number, f"new-{number}")
    assert there(process) == ["new-1", "new-2", "new-3", "new-4", "old-0", "old-1", "old-2"]


def test_of_two_processes_at_one_batch_one_appends(process: JobContext) -> None:
    """Rows that another process has appended under this number since nobody found them are not doubled."""
    assert append(process, 0, "a", "b")
    assert not append(restarted(process), 0, "a", "b"), "whose rows are there is told"
    assert append(process, 1, "c")
    assert not append(process, 1, "c"), "also of a process that has appended before"
    assert there(process) == ["a", "b", "c"]


def test_a_batch_killed_after_its_append_without_a_number_adds_nothing(process: JobContext) -> None:
    """Run again, by a process that knows nothing of it, its rows are found; a kill before it leaves nothing to find."""
    append(process, 0, "old")
    for _ in range(2):
        append(restarted(process), 0, "new")
    assert there(process) == ["new", "old"]
