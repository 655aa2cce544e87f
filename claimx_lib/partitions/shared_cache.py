"""Answers that the Python workers of one executor share, for the short time that they are kept.

Which worker runs a partition is chance: with a cache each, every worker would ask for the same id once. The file lies
in the executor's own folder, among its shuffle files, and goes with it.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

from claimx_lib.domain.api import ANSWERED, ApiAnswer, ApiOutcome
from claimx_lib.partitions.cache import Entry, Key

EXECUTORS_FOLDERS = "SPARK_LOCAL_DIRS"
"""Where Spark tells a worker its executor's folders, separated by commas."""
_PAGE_BYTES, _BUSY_SECONDS = 4096, 1.0
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
  key BLOB PRIMARY KEY, kind TEXT, status INTEGER, body BLOB, seconds REAL, kept_at REAL, at_micros INTEGER)"""
_UNUSABLE = (sqlite3.Error, OSError)


class SharedCache:
    """Keeps what the API knows (200 and 404) in one file of at most `max_bytes`.

    A file that is busy, full, damaged or gone is a miss, never an error: the caller asks ClaimX then.
    """

    def __init__(self, file: Path, *, max_bytes: int) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        with suppress(*_UNUSABLE):
            self._connection = _opened(file, max_bytes)

    @classmethod
    def of_executor(cls, name: str | None, *, max_bytes: int) -> Self | None:
        """The cache of that name in the executor's folder; None without a name, or outside an executor."""
        folder = os.environ.get(EXECUTORS_FOLDERS, "").split(",")[0]
        return cls(Path(folder) / f"claimx-answers-{name}.sqlite", max_bytes=max_bytes) if name and folder else None

    def get(self, keys: Iterable[Key], as_of: float, ttl_seconds: float) -> dict[Key, Entry]:
        """Those of the answers that were younger than `ttl_seconds` at `as_of`."""
        found: dict[Key, Entry] = {}
        if self._connection is None:
            return found
        with suppress(*_UNUSABLE):
            for key in keys:
                row = self._connection.execute("SELECT * FROM answers WHERE key = ?", (_name(key),)).fetchone()
                if row is not None and as_of - row[5] < ttl_seconds:
                    found[key] = _entry(row)
        return found

    def put(self, entries: Mapping[Key, Entry], *, as_of: float, ttl_seconds: float) -> None:
        """Keep the API's own answers, in one commit; what has grown stale goes, and all that is kept where it is full."""
        rows = [_row(key, entry) for key, entry in entries.items() if entry.answer.kind in ANSWERED]
        if self._connection is None or not rows:
            return
        with suppress(*_UNUSABLE):
            try:
                _replace(self._connection, rows, stale_before=as_of - ttl_seconds)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise  # busy: what others have put there stays
                _replace(self._connection, rows, stale_before=math.inf)

    def remove(self) -> None:
        """Close the file and delete it; workers that still have it open go on with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for end in ("", "-wal", "-shm"):
            Path(f"{self._file}{end}").unlink(missing_ok=True)


def _opened(file: Path, max_bytes: int) -> sqlite3.Connection:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = OFF", f"max_page_count = {max(8, max_bytes // _PAGE_BYTES)}"):
        with closing(connection.execute(f"PRAGMA {pragma}")) as told:
            told.fetchall()
    with connection as transaction:
        transaction.execute(_TABLE)
        transaction.execute("CREATE INDEX IF NOT EXISTS by_age ON answers (kept_at)")
    return connection


def _replace(connection: sqlite3.Connection, rows: list[tuple[Any, ...]], *, stale_before: float) -> None:
    with connection as transaction:
        transaction.execute("DELETE FROM answers WHERE kept_at <= ?", (stale_before,))
        transaction.executemany("REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _name(key: Key) -> bytes:
    return "\0".join(key).encode("utf-8", "surrogatepass")


def _row(key: Key, entry: Entry) -> tuple[Any, ...]:
    answer = entry.answer
    body = None if answer.body is None else answer.body.encode("utf-8", "surrogatepass")
    return (_name(key), str(answer.kind), answer.status, body, answer.seconds, entry.kept_at, entry.at_micros)


def _entry(row: tuple[Any, ...]) -> Entry:
    _, kind, status, body, seconds, kept_at, at_micros = row
    text = None if body is None else body.decode("utf-8", "surrogatepass")
    answer = ApiAnswer(kind=ApiOutcome(kind), status=status, body=text, seconds=seconds)
    return Entry(answer=answer, kept_at=kept_at, at_micros=at_micros)
