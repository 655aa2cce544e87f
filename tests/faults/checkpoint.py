"""How far a query has come, from its checkpoint's own files: what the batch in progress covers, and what is done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

Offsets = dict[str, dict[str, int]]
"""By topic and partition: the offset after the last record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The newest batch that was begun and the newest that was done (-1: none), with the ends of their Kafka ranges."""

    begun: int = -1
    done: int = -1
    begun_to: Offsets = field(default_factory=dict)
    done_to: Offsets = field(default_factory=dict)

    @property
    def is_in_batch(self) -> bool:
        """Whether a batch with records was begun and is not done: its offsets are logged, its commit is not."""
        return self.begun > self.done and self.begun_to != self.done_to

    def lag(self, ends: dict[str, dict[int, int]]) -> int:
        """Records that no finished batch covers, of topics with these ends."""
        return sum(end - self.done_to.get(topic, {}).get(str(partition), 0)
                   for topic, partitions in ends.items() for partition, end in partitions.items())  # fmt: skip


def progress(checkpoint: Path) -> Progress:
    """The state of a query's checkpoint; of a query that never ran, nothing."""
    begun, done = _newest(checkpoint / "offsets"), _newest(checkpoint / "commits")
    return Progress(begun=begun, done=done, begun_to=_offsets(checkpoint, begun), done_to=_offsets(checkpoint, done))


def _newest(folder: Path) -> int:
    return max((int(file.name) for file in folder.glob("[0-9]*") if file.name.isdigit()), default=-1)


def _offsets(checkpoint: Path, batch: int) -> Offsets:
    file = checkpoint / "offsets" / str(batch)
    found: Offsets = {}
    for line in file.read_text().splitlines()[2:] if file.is_file() else ():
        told = json.loads(line) if line.startswith("{") else {}
        found |= {topic: ends for topic, ends in told.items() if isinstance(ends, dict)}
    return found
