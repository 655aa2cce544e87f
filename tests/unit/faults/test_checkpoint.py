from __future__ import annotations

from pathlib import Path

from tests.faults.checkpoint import progress


def write(checkpoint: Path, log: str, batch: int, end: int) -> None:
    file = checkpoint / log / str(batch)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'v1\n{{"batchWatermarkMs":0}}\n{{"t":{{"0":{end},"1":2}}}}\n-')


def test_a_batch_with_offsets_and_no_commit_is_in_progress(tmp_path: Path) -> None:
    """Records that were planned and not committed are a batch in progress; lag counts from the last commit."""
    write(tmp_path, "offsets", 0, end=5)
    write(tmp_path, "commits", 0, end=0)
    write(tmp_path, "offsets", 1, end=9)
    found = progress(tmp_path)
    assert (found.begun, found.done, found.is_in_batch) == (1, 0, True)
    assert found.lag({"t": {0: 10, 1: 2}}) == 5


def test_a_heartbeat_is_no_batch_to_be_killed_in(tmp_path: Path) -> None:
    """A batch without new records does not count as one."""
    write(tmp_path, "offsets", 0, end=5)
    write(tmp_path, "commits", 0, end=0)
    write(tmp_path, "offsets", 1, end=5)
    assert not progress(tmp_path).is_in_batch


def test_a_query_that_never_ran_has_done_nothing(tmp_path: Path) -> None:
    """Without a checkpoint everything on the topic is lag."""
    assert progress(tmp_path).lag({"t": {0: 4}}) == 4
