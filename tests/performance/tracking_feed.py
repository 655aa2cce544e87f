"""Tracking messages on a real topic, spread over its partitions, and any stretch of them as a micro-batch's frame."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claimx_lib.connectors.kafka import RECORD, spark_options
from claimx_lib.connectors.kafka_client import Message, send
from claimx_lib.connectors.kafka_offsets import offset_ranges
from tests.fakes.world import World, tracking_message

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Offsets = Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Records of one topic from some offsets to others, these excluded."""

    topic: str
    since: Offsets
    until: Offsets


@dataclass(slots=True, kw_only=True)
class Feed:
    """New events by the thousand: `rows` each time, ten of each of `rows / 10` tasks unless `tasks` says how many."""

    world: World
    rows: int
    tasks: int | None = None
    sent: int = 0
    first_task: int = 1
    _ends: dict[int, int] = field(default_factory=dict)

    def new(self, *, new_tasks: bool = False) -> Stretch:
        """Events that nobody has seen, sent; with `new_tasks`, of tasks that nobody has seen."""
        topic = self.world.topic("tracking")
        tasks = self.tasks or self.rows // 10
        self.first_task += tasks if new_tasks else 0
        since = self._ends or self._offsets(topic)
        messages = [self._message(n, tasks) for n in range(self.sent, self.sent + self.rows)]
        send(self.world.settings.kafka, messages)
        self.sent += self.rows
        self._ends = self._offsets(topic)
        return Stretch(topic=topic, since=since, until=self._ends)

    def _message(self, number: int, tasks: int) -> Message:
        task = self.first_task + number % tasks
        told = tracking_message(f"event-{number}", task=task, timestamp=f"2026-01-10T12:{number % 60:02}:00.000Z")
        return Message(topic=self.world.topic("tracking"), key=str(task), value=json.dumps(told).encode())

    def _offsets(self, topic: str) -> dict[int, int]:
        ranges = offset_ranges(self.world.settings.kafka, [topic])
        return {place.partition: range_.end for place, range_ in ranges.items()}

    def frame(self, stretch: Stretch) -> DataFrame:
        """The records as Kafka's source gives them to a batch."""
        reader = self.world.spark.read.format("kafka").options(**spark_options(self.world.settings.kafka))
        reader = reader.option("subscribe", stretch.topic).option("includeHeaders", "true")
        for name, offsets in (("startingOffsets", stretch.since), ("endingOffsets", stretch.until)):
            reader = reader.option(name, json.dumps({stretch.topic: {str(p): at for p, at in offsets.items()}}))
        return reader.load().select(*RECORD)


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
