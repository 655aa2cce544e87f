"""Checkpoint folders, read without a JVM."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.connectors.checkpoint import (
    committed_batches,
    damaged_file,
    folder_of,
    open_batch,
    parsed_offsets,
    query_id_of,
    records_in,
)
from claimx_lib.domain.offsets import TopicPartition

OFFSETS = 'v1\n{"batchWatermarkMs":0}\n{"claimx.events":{"1":7,"0":5}}\n{"offset":3,"timestamp":1700000000000}\n-'


def checkpoint(folder: Path, *, planned: int, committed: int) -> Path:
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text('{"id":"q-1"}')
    for number in range(planned):
        (folder / "offsets" / str(number)).write_text(OFFSETS.replace("5", str(number)))
    for number in range(committed):
        (folder / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')
        (folder / "commits" / f".{number}.crc").write_text("")
    return folder


def test_only_kafkas_lines_hold_offsets() -> None:
    """A heartbeat's position and an absent source are no Kafka offsets."""
    place = TopicPartition(topic="claimx.events", partition=1)
    assert parsed_offsets(OFFSETS) == {place: 7, TopicPartition(topic="claimx.events", partition=0): 5}
    assert parsed_offsets("v1\n{}\n") == {}
    assert parsed_offsets("") == {}


def test_a_batch_that_is_planned_and_not_committed_does_not_count(tmp_path: Path) -> None:
    """The query goes on from the newest committed batch; batch 10 is newer than batch 9."""
    folder = checkpoint(tmp_path / "job", planned=12, committed=11)
    batches = committed_batches(folder, newest=2)
    assert [b.number for b in batches] == [10, 9]
    assert query_id_of(folder) == "q-1"


def test_a_new_checkpoint_has_no_batch(tmp_path: Path) -> None:
    """A folder that is not there is a query that never ran."""
    assert committed_batches(tmp_path / "none") == []
    assert query_id_of(tmp_path / "none") is None


def test_a_batch_is_open_from_its_plan_to_its_commit(tmp_path: Path) -> None:
    """The batch planned last is open until it is committed; a query that never ran has none."""
    assert open_batch(checkpoint(tmp_path / "amid", planned=12, committed=11)) == 11
    assert open_batch(checkpoint(tmp_path / "through", planned=12, committed=12)) is None
    assert open_batch(tmp_path / "none") is None


def test_a_remote_checkpoint_is_not_looked_for_on_this_machine() -> None:
    """Object storage has no folder here; a file URI has."""
    assert folder_of("s3://bucket/checkpoints", "job") is None
    assert folder_of("file:///data/cp", "job") == Path("/data/cp/job")


def test_a_checkpoint_as_spark_leaves_it_is_not_damaged(tmp_path: Path) -> None:
    """Neither a new one nor one with a batch under way."""
    assert damaged_file(tmp_path / "none") is None
    assert damaged_file(checkpoint(tmp_path / "job", planned=12, committed=11)) is None


@pytest.mark.parametrize(
    ("file", "text"),
    [("metadata", ""), ("metadata", "{}"), ("offsets/11", ""), ("commits/10", ""), ("commits/10", "{")],
)
def test_a_file_that_was_cut_short_is_found(tmp_path: Path, file: str, text: str) -> None:
    """What a full disk leaves of the newest files is told, older ones are not looked at."""
    folder = checkpoint(tmp_path / "job", planned=12, committed=11)
    (folder / "offsets" / "3").write_text("")
    (folder / file).write_text(text)
    assert damaged_file(folder) == file
    (folder / "metadata").unlink()
    assert damaged_file(folder) == "metadata"


def test_a_batch_covers_the_offsets_since_the_one_before(tmp_path: Path) -> None:
    """Over all partitions of all topics; a heartbeat counts none, and a batch that ran twice is planned once."""
    folder = checkpoint(tmp_path / "job", planned=3, committed=2)
    assert records_in(folder, 2) == 1
    (folder / "offsets" / "3").write_text(OFFSETS.replace('"1":7,"0":5', '"1":17,"0":9'))
    assert records_in(folder, 3) == 10 + 7
    (folder / "offsets" / "4").write_text((folder / "offsets" / "3").read_text().replace('"offset":3', '"offset":4'))
    assert records_in(folder, 4) == 0


def test_what_a_batch_covers_is_not_guessed(tmp_path: Path) -> None:
    """The first batch, a log that is gone, and a partition that is new say nothing."""
    folder = checkpoint(tmp_path / "job", planned=2, committed=1)
    assert records_in(folder, 0) is None
    assert records_in(folder, 9) is None
    (folder / "offsets" / "1").write_bytes(b"v1\n\xff\xfe")
    assert records_in(folder, 1) is None
    (folder / "offsets" / "1").write_text(OFFSETS)
    (folder / "offsets" / "2").write_text(OFFSETS.replace('"1":7', '"1":7,"2":1'))
    assert records_in(folder, 2) is None
