"""Where a world's token stands in what its drivers have left behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.faults.evidence import Told


def leaks(token: str, logs: Iterable[Path], folders: Iterable[Path], topics: Mapping[str, Iterable[Told]]) -> list[str]:
    """The files, by name, and the messages, by place, that hold the token as it is."""
    sought = token.encode()
    files = [*logs, *(file for folder in folders for file in folder.rglob("*") if file.is_file())]
    found = [str(file) for file in files if file.is_file() and sought in file.read_bytes()]
    return [*found, *(str(told.place) for messages in topics.values() for told in messages if sought in _bytes(told))]


def written(logs: Iterable[Path]) -> list[Path]:
    """The logs that somebody has written to: a JVM says something at each start."""
    return [log for log in logs if log.is_file() and log.stat().st_size]


def _bytes(told: Told) -> bytes:
    return b"\0".join(_parts(told))


def _parts(told: Told) -> Iterator[bytes]:
    yield (told.key or "").encode()
    yield told.value or b""
    for name, value in told.headers.items():
        yield name.encode()
        yield value
