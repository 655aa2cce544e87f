"""How things stand, without a JVM and without a broker."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.domain.offsets import Range, TopicPartition
from claimx_lib.operations.status import status
from tests.fakes.warehouse import Tables, letter

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def settings_at(folder: Path, port: int) -> Settings:
    return load(
        sets=[
            f"storage.warehouse={folder}/warehouse",
            f"storage.checkpoints={folder}/checkpoints",
            f"kafka.bootstrap_servers=127.0.0.1:{port}",
        ],
        environ={},
    )


def batch(folder: Path, number: int, offset: int, at: datetime) -> None:
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "offsets" / str(number)).write_text(f'v1\n{{}}\n{{"claimx.events":{{"0":{offset}}}}}')
    (folder / "commits" / str(number)).write_text("v1\n{}")
    os.utime(folder / "commits" / str(number), (at.timestamp(), at.timestamp()))


def test_progress_and_rate_come_from_the_checkpoint(tmp_path: Path, free_port: int) -> None:
    """The newest committed batch, how long ago it was, and the records a second over the last ones are told."""
    folder = tmp_path / "checkpoints" / "task_trigger"
    batch(folder, 3, 100, NOW - timedelta(seconds=60))
    batch(folder, 4, 400, NOW - timedelta(seconds=30))
    query = status(settings_at(tmp_path, free_port), now=NOW).queries[0]
    assert (query.job, query.batch, query.seconds_ago, query.records_per_second) == ("task_trigger", 4, 30.0, 10.0)


@pytest.mark.parametrize("checkpoints", ["s3://bucket/checkpoints", "/Volumes/main/claimx/checkpoints"])
def test_a_checkpoint_that_is_elsewhere_is_no_job_that_never_ran(
    checkpoints: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lag is unknown, not the whole topic; that is told once for all jobs."""
    held = {TopicPartition(topic="claimx.events", partition=0): Range(first=0, end=1_000_000)}
    monkeypatch.setattr("claimx_lib.operations.status.offset_ranges", lambda *_: held)
    settings = settings_at(tmp_path, free_port)
    found = status(settings, now=NOW)
    assert found.queries[0].lag_records == 1_000_000
    moved = settings.model_copy(update={"storage": settings.storage.model_copy(update={"checkpoints": checkpoints})})
    found = status(moved, now=NOW)
    assert {query.lag_records for query in found.queries} == {None}
    assert [told for told in found.problems if checkpoints in told] == [
        f"{checkpoints}: checkpoints can't be read from here: no progress, no lag"
    ]


def test_what_cannot_be_reached_is_told_and_the_rest_is_shown(tmp_path: Path, free_port: int) -> None:
    """Without a broker lag is unknown, not zero; the tables are read all the same."""
    tables = Tables(root=tmp_path / "warehouse").create()
    tables.append("dead_letters", [letter(1), letter(2, state="RESOLVED")])
    tables.append(
        "xact_task_ledger",
        [
            {"idempotency_key": "k", "state": "INTENT", "at": NOW},
            {"idempotency_key": "k", "state": "CREATED", "at": NOW},
            {"idempotency_key": "l", "state": "INTENT", "at": NOW},
        ],
    )
    found = status(settings_at(tmp_path, free_port), now=NOW)
    assert found.queries[0].lag_records is None
    assert "no broker answers" in found.problems[0]
    assert found.tables["dead_letters"] == {
        "OPEN task_creation project-not-found": 1,
        "RESOLVED task_creation project-not-found": 1,
    }
    assert found.tables["ledger"] == {"CREATED": 1, "INTENT": 1}


def test_a_table_that_cannot_be_read_leaves_the_others(tmp_path: Path, free_port: int) -> None:
    """A missing and a damaged table are one problem; what is there is shown."""
    tables = Tables(root=tmp_path / "warehouse").create("dead_letters", "xact_task_ledger")
    tables.append("dead_letters", [letter(1)])
    (tmp_path / "warehouse" / "xact_task_ledger" / "_delta_log" / "00000000000000000000.json").write_text("{")
    found = status(settings_at(tmp_path, free_port), now=NOW)
    assert found.tables == {"dead_letters": {"OPEN task_creation project-not-found": 1}}
    assert len(found.problems) == 2
    assert "claimx tables create" in found.problems[1]
    assert "and 4 more" in found.problems[1]


def test_the_ledger_is_told_as_the_jobs_and_the_metrics_tell_it(tmp_path: Path, free_port: int) -> None:
    """A task that is there stays there, whatever a slower process has written since."""
    steps = [("INTENT", 0, None), ("CREATED", 1, None), ("UNKNOWN", 2, None), ("NOT_SENT", 3, "not-owner")]
    rows = [
        {"idempotency_key": "k", "state": state, "at": NOW + timedelta(seconds=at), "reason": reason}
        for state, at, reason in steps
    ]
    Tables(root=tmp_path / "warehouse").create("xact_task_ledger").append("xact_task_ledger", rows)
    assert status(settings_at(tmp_path, free_port), now=NOW).tables["ledger"] == {"CREATED": 1}
