"""What a query's checkpoint folder says: read from its files, without a JVM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claimx_lib.connectors.local_path import local_path
from claimx_lib.domain.offsets import Offsets, Range, TopicPartition


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One committed micro-batch: its number, when it was committed, and the Kafka offsets to go on from."""

    number: int
    committed_at: datetime
    offsets: Offsets


def folder_of(checkpoints: str, job: str) -> Path | None:
    """Return the job's checkpoint folder, None where it is not on a file system of this machine."""
    root = local_path(checkpoints)
    return None if root is None else root / job


def folder_seen(checkpoints: str, job: str) -> Path | None:
    """As `folder_of`, for who only looks: None too where no part of the path is here, as a cluster's seen from a laptop."""
    folder = folder_of(checkpoints, job)
    is_elsewhere = folder is not None and folder.is_absolute() and not any(p.exists() for p in folder.parents[:-1])
    return None if is_elsewhere else folder


def query_id_of(folder: Path) -> str | None:
    """Return the id of the query that writes there, None where none has yet."""
    try:
        return str(json.loads((folder / "metadata").read_text("utf-8"))["id"])
    except (OSError, ValueError, KeyError):
        return None


def damaged_file(folder: Path) -> str | None:
    """Return which file of the checkpoint Spark will not take, such as one cut short by a full disk; None where all is well."""
    logs = {name: _numbers(folder / name) for name in ("offsets", "commits")}
    if query_id_of(folder) is None and ((folder / "metadata").exists() or any(logs.values())):
        return "metadata"
    newest = [f"{name}/{numbers[0]}" for name, numbers in logs.items() if numbers]
    return next((file for file in newest if not (folder / file).read_bytes().startswith(b"v")), None)


def committed_batches(folder: Path, *, newest: int = 1) -> list[Batch]:
    """Return the newest committed batches, newest first; none where the checkpoint is new or unreadable."""
    numbers = _numbers(folder / "commits")
    return [batch for number in numbers[:newest] if (batch := _batch(folder, number)) is not None]


def open_batch(folder: Path) -> int | None:
    """Return the number of the batch that is planned and not committed: at work, or left so by a crash; None for none."""
    planned, committed = _numbers(folder / "offsets"), _numbers(folder / "commits")
    return planned[0] if planned and planned[:1] > committed[:1] else None


def next_offsets(folder: Path) -> Offsets:
    """Return the offsets that the query goes on from, those of its first start included; empty where it never started."""
    newest = committed_batches(folder)
    return newest[0].offsets if newest else _initial_offsets(folder)


def planned_ranges(folder: Path, number: int) -> dict[TopicPartition, Range]:
    """Return the offsets that a planned batch covers, of the partitions that were known before it."""
    before = _offsets(folder, number - 1) if number else _initial_offsets(folder)
    planned = _offsets(folder, number) or {}
    return {place: Range(first=before[place], end=end) for place, end in planned.items() if before and place in before}


def _initial_offsets(folder: Path) -> Offsets:
    """Where each source started, by its own log; what holds no Kafka offsets (a heartbeat's) adds none."""
    found: Offsets = {}
    for file in sorted(folder.glob("sources/*/0")):
        found |= parsed_offsets(f"\n\n{file.read_text('utf-8', 'replace')}")
    return found


def records_in(folder: Path, number: int) -> int | None:
    """Return how many offsets a planned batch covers; None for the first one, and where the logs do not tell."""
    before, planned = _offsets(folder, number - 1), _offsets(folder, number)
    if not before or planned is None or planned.keys() != before.keys():
        return None
    return sum(planned[place] - before[place] for place in planned)


def _offsets(folder: Path, number: int) -> Offsets | None:
    try:
        return parsed_offsets((folder / "offsets" / str(number)).read_text("utf-8"))
    except (OSError, ValueError):  # gone, or no text
        return None


def _numbers(log: Path) -> list[int]:
    return sorted((int(p.name) for p in log.glob("[0-9]*") if p.name.isdigit()), reverse=True)


def _batch(folder: Path, number: int) -> Batch | None:
    offsets = _offsets(folder, number)
    try:
        committed = datetime.fromtimestamp((folder / "commits" / str(number)).stat().st_mtime, UTC)
    except OSError:
        return None
    return None if offsets is None else Batch(number=number, committed_at=committed, offsets=offsets)


def parsed_offsets(text: str) -> Offsets:
    """Return the Kafka offsets in an offset log's text; other sources' lines (a heartbeat, `-`) hold none."""
    found: dict[TopicPartition, int] = {}
    for line in text.splitlines()[2:]:
        for topic, partitions in _object(line).items():
            if isinstance(partitions, dict):
                found |= {TopicPartition(topic=topic, partition=int(p)): int(o) for p, o in partitions.items()}
    return found


def _object(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
