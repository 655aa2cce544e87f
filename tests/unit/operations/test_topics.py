"""What `claimx topics create` tells of each topic, without a broker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import KafkaError
from claimx_lib.operations import topics

SYNC, RETRY, DLQ = "project.sync", "xact.task-creation.retry", "xact.task-creation.dlq"
DAY = 24 * 60 * 60.0


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The rows by topic, where these are there with so many partitions and kept for so long."""

    def ask(there: dict[str, tuple[int, float | None]], *, is_allowed: bool = True) -> dict[str, dict[str, Any]]:
        def retention(_: object, names: Iterable[str]) -> dict[str, float | None]:
            if not is_allowed:
                raise KafkaError("the topics' retention cannot be read: refused", cure="allow DESCRIBE_CONFIGS")
            return {name: there[name][1] for name in names}

        monkeypatch.setattr(topics, "create_topics", lambda _, specs: [s.name for s in specs if s.name not in there])
        monkeypatch.setattr(topics, "partition_counts", lambda _, names: {name: there[name][0] for name in names})
        monkeypatch.setattr(topics, "retention_seconds", retention)
        return {row["topic"]: row for row in topics.create_missing(load(environ={}))}

    return ask


def test_a_topic_that_is_there_is_told_as_it_is(told: Any) -> None:
    """Its partitions and retention are the broker's own, with what was wanted where they differ; a new one is as wanted."""
    rows = told({SYNC: (6, 7 * DAY), RETRY: (1, 0.5 * DAY), DLQ: (3, None)})
    assert rows[SYNC] == {"topic": SYNC, "partitions": 6, "retention_days": 7, "result": "there already"}
    assert (rows[RETRY]["partitions"], rows[RETRY]["retention_days"]) == (1, 0.5)
    assert rows[RETRY]["result"] == ("there already; partitions 1, wanted 6; retention_days 0.5, wanted 7")
    assert rows[DLQ]["retention_days"] is None
    assert rows[DLQ]["result"] == "there already; retention_days none (kept for ever), wanted 30"
    assert rows["itel.cabinet.task.tracking"]["result"] == "created"


def test_a_retention_that_may_not_be_read_fails_nothing(told: Any) -> None:
    """What was created is told all the same, and of the others that nobody may look."""
    rows = told({SYNC: (2, 7 * DAY)}, is_allowed=False)
    assert rows[SYNC]["retention_days"] is None
    assert rows[SYNC]["result"] == (
        "there already; partitions 2, wanted 6; the topics' retention cannot be read: refused — allow DESCRIBE_CONFIGS"
    )
    assert rows[RETRY]["result"] == "created"
