"""Answers that the workers of one executor share."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from claimx_lib.domain.api import ApiAnswer, ApiOutcome
from claimx_lib.partitions.cache import Entry
from claimx_lib.partitions.shared_cache import EXECUTORS_FOLDERS, SharedCache

KEY = ("task", "1")
MB = 1_000_000


def entry(body: str | None = "{}", *, kind: ApiOutcome = ApiOutcome.OK, at: float = 100.0) -> Entry:
    return Entry(answer=ApiAnswer(kind=kind, status=200, body=body, seconds=0.5), kept_at=at, at_micros=7)


def cache(folder: Path, name: str = "a", *, max_bytes: int = MB) -> SharedCache:
    return SharedCache(folder / f"{name}.sqlite", max_bytes=max_bytes)


@pytest.mark.parametrize("body", ["{}", "", '{"name": "é\ud800\u0000🙂"}', None])
def test_another_worker_finds_what_one_has_put(tmp_path: Path, body: str | None) -> None:
    """As it was, whatever characters it has, 404s too."""
    kind = ApiOutcome.NOT_FOUND if body is None else ApiOutcome.OK
    cache(tmp_path).put({KEY: entry(body, kind=kind)}, as_of=100.0, ttl_seconds=60.0)
    assert cache(tmp_path).get([KEY, ("project", "1")], 159.9, 60.0) == {KEY: entry(body, kind=kind)}


def test_what_is_stale_is_a_miss_and_goes_with_the_next_answer(tmp_path: Path) -> None:
    """The file holds what is younger than its time, nothing else."""
    ours = cache(tmp_path)
    ours.put({KEY: entry()}, as_of=100.0, ttl_seconds=60.0)
    assert ours.get([KEY], 160.0, 60.0) == {}
    ours.put({("task", "2"): entry(at=160.0)}, as_of=160.0, ttl_seconds=60.0)
    kept = sqlite3.connect(tmp_path / "a.sqlite").execute("SELECT key FROM answers").fetchall()
    assert kept == [(b"task\x002",)]


def test_failures_are_not_shared(tmp_path: Path) -> None:
    """An outage is forgotten with its partition."""
    ours = cache(tmp_path)
    ours.put({KEY: entry(kind=ApiOutcome.TIMEOUT)}, as_of=100.0, ttl_seconds=60.0)
    assert ours.get([KEY], 100.0, 60.0) == {}


def test_a_full_file_starts_anew(tmp_path: Path) -> None:
    """I12: never above its bound, and of use again after it."""
    ours = cache(tmp_path, max_bytes=MB)
    for number in range(60):
        ours.put({("task", str(number)): entry("x" * 50_000)}, as_of=100.0, ttl_seconds=60.0)
    assert (tmp_path / "a.sqlite").stat().st_size <= MB + 4096
    found = ours.get([("task", str(number)) for number in range(60)], 100.0, 60.0)
    assert 0 < len(found) < 20


def test_a_busy_file_keeps_what_is_there(tmp_path: Path) -> None:
    """While another worker writes for long, an answer is not shared; those that are there stay."""
    ours = cache(tmp_path)
    ours.put({KEY: entry()}, as_of=100.0, ttl_seconds=60.0)
    other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ours.put({("task", "2"): entry()}, as_of=100.0, ttl_seconds=60.0)
    other.execute("ROLLBACK")
    assert list(ours.get([KEY, ("task", "2")], 100.0, 60.0)) == [KEY]


def test_a_damaged_file_or_none_at_all_is_a_miss(tmp_path: Path) -> None:
    """The caller asks ClaimX then; nothing is raised."""
    (tmp_path / "bad.sqlite").write_bytes(b"no database at all" * 1000)
    for broken in (cache(tmp_path, "bad"), cache(tmp_path / "missing")):
        broken.put({KEY: entry()}, as_of=100.0, ttl_seconds=60.0)
        assert broken.get([KEY], 100.0, 60.0) == {}


def test_workers_write_beside_each_other(tmp_path: Path) -> None:
    """Eight at a time, each with a connection of its own: all of it is there."""

    def work(worker: int) -> None:
        ours = cache(tmp_path)
        for number in range(20):
            ours.put({("task", f"{worker}-{number}"): entry()}, as_of=100.0, ttl_seconds=60.0)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    keys = [("task", f"{worker}-{number}") for worker in range(8) for number in range(20)]
    assert len(cache(tmp_path).get(keys, 100.0, 60.0)) == 160


def test_it_is_the_owners_alone_and_goes_when_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers hold people: nobody else on the machine reads them. The first of the executor's folders is taken."""
    monkeypatch.setenv(EXECUTORS_FOLDERS, f"{tmp_path},/elsewhere")
    ours = SharedCache.of_executor("n", max_bytes=MB)
    assert ours is not None
    ours.put({KEY: entry()}, as_of=100.0, ttl_seconds=60.0)
    files = sorted(tmp_path.iterdir())
    assert files[0].name == "claimx-answers-n.sqlite"
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    ours.remove()
    assert list(tmp_path.iterdir()) == []
    assert ours.get([KEY], 100.0, 60.0) == {}


def test_without_a_name_or_outside_an_executor_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker has its own cache alone then."""
    monkeypatch.setenv(EXECUTORS_FOLDERS, "/somewhere")
    assert SharedCache.of_executor(None, max_bytes=MB) is None
    monkeypatch.delenv(EXECUTORS_FOLDERS)
    assert SharedCache.of_executor("n", max_bytes=MB) is None
