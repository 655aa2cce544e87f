"""Where a query stands on its topics, what is left to read, and what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TopicPartition:
    """One partition of a topic."""

    topic: str
    partition: int


Offsets = dict[TopicPartition, int]
"""The offset of the next record to read, for each partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a partition holds: offsets from `first` up to, and without, `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Gap:
    """Records that were to be read and are gone: offsets from `first` up to, and without, `end`."""

    topic: str
    partition: int
    first: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}, offsets {self.first} to {self.end - 1}"


def lag(next_offsets: Mapping[TopicPartition, int], there: Mapping[TopicPartition, Range]) -> int:
    """Return how many records of these partitions have not been read; a partition never read counts whole."""
    return sum(max(r.end - max(next_offsets.get(place, r.first), r.first), 0) for place, r in there.items())


def gaps(next_offsets: Mapping[TopicPartition, int], there: Mapping[TopicPartition, Range]) -> list[Gap]:
    """Return what aged out before it was read, in the order of partitions."""
    return gone(
        {place: Range(first=at, end=there[place].first) for place, at in next_offsets.items() if place in there}, there
    )


def gone(planned: Mapping[TopicPartition, Range], there: Mapping[TopicPartition, Range]) -> list[Gap]:
    """Return what of these ranges the broker no longer holds, in the order of partitions."""
    found = []
    for place, wanted in sorted(planned.items()):
        end = min(wanted.end, there[place].first) if place in there else wanted.end
        if wanted.first < end:
            found.append(Gap(topic=place.topic, partition=place.partition, first=wanted.first, end=end))
    return found


def made_anew(
    next_offsets: Mapping[TopicPartition, int], there: Mapping[TopicPartition, Range]
) -> list[TopicPartition]:
    """Return the partitions that end before the next offset: not those that were read, and no gap tells what is new there."""
    return [place for place, at in sorted(next_offsets.items()) if at > there.get(place, Range(first=0, end=0)).end]
