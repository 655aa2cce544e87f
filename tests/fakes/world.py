"""A world of its own for one test: topics, tables, checkpoints and settings on the shared broker and session."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from claimx_lib.config.load import load
from claimx_lib.config.settings import Settings
from claimx_lib.connectors.kafka_client import Message, client_options, create_topics, send
from claimx_lib.observability.metrics import Metrics
from claimx_lib.schemas.topics import topic_specs
from claimx_lib.streams.context import BatchRef, JobContext
from tests.fakes.session import SMALL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

RECORD_DDL = (
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
)
NO_BROKER = "127.0.0.1:1"
EVENTS = ("claimx_events", "tracking", "tracking_success", "tracking_errors")


@dataclass(frozen=True, kw_only=True)
class World:
    """Settings whose topics and folders nobody else uses; what is in them, and one batch or a whole run over them."""

    spark: SparkSession
    settings: Settings
    folder: Path
    metrics: Metrics = field(default_factory=Metrics)

    def context(self, **changes: Any) -> JobContext:
        return JobContext(session=self.spark, settings=self.settings, metrics=self.metrics, **changes)

    def with_settings(self, *sets: str) -> World:
        """The same world under other settings (`a.b=c`)."""
        return World(spark=self.spark, settings=_settings(self.folder, self._names(), sets), folder=self.folder)

    def _names(self) -> list[str]:
        return json.loads((self.folder / "sets.json").read_text())

    def sets(self) -> list[str]:
        """What `--set` gives another process the same settings."""
        return [*SMALL, *_fixed(self.folder), *self._names()]

    def topic(self, name: str) -> str:
        return str(getattr(self.settings.kafka.topics, name))

    def send(self, topic: str, values: Iterable[object], *, key: str = "p") -> None:
        """Messages to a topic: bytes and texts as they are, anything else as JSON."""
        send(self.settings.kafka, [Message(topic=self.topic(topic), key=key, value=_bytes(v)) for v in values])

    def received(self, topic: str) -> list[dict[str, Any]]:
        """All messages of a topic: key, value (JSON), headers, partition, offset."""
        return [_told(message) for message in self._messages(self.topic(topic))]

    def _messages(self, topic: str) -> list[Any]:
        consumer = Consumer(
            {**client_options(self.settings.kafka), "group.id": str(uuid4()), "enable.auto.commit": False}
        )
        try:
            places = [
                TopicPartition(topic, p) for p in consumer.list_topics(topic, timeout=60).topics[topic].partitions
            ]
            ends = {p.partition: consumer.get_watermark_offsets(p, timeout=60)[1] for p in places}
            consumer.assign([TopicPartition(topic, p, 0) for p in ends])
            return _read(consumer, sum(ends.values()))
        finally:
            consumer.close()

    def frame(self, values: Sequence[object], *, topic: str = "t", partition: int = 0, first: int = 0) -> DataFrame:
        """Records as Kafka's source gives them, at offsets from `first`."""
        return records(self.spark, values, topic=topic, partition=partition, first=first)

    def batch(self, number: int = 0, query: str = "q1") -> BatchRef:
        return BatchRef(query_id=query, batch_id=number)

    def table(self, name: str) -> DataFrame:
        return self.spark.read.format("delta").load(f"{self.settings.storage.warehouse}/{name}")

    def rows(self) -> list[Row]:
        """The tracking table in the order of the events."""
        return self.table("itel_cabinet_task_tracking").orderBy("event_timestamp", "event_id").collect()

    def letters(self) -> list[Row]:
        return self.table("dead_letters").orderBy("source_topic", "source_partition", "source_offset").collect()


def records(
    spark: SparkSession, values: Sequence[object], *, topic: str = "t", partition: int = 0, first: int = 0
) -> DataFrame:
    """Records as Kafka's source gives them: bytes and texts as they are, None without a value, all else as JSON."""
    rows = [
        (b"p", None if v is None else bytearray(_bytes(v)), topic, partition, first + n, None, None)
        for n, v in enumerate(values)
    ]
    return spark.createDataFrame(rows, RECORD_DDL)


def new_world(
    spark: SparkSession, folder: Path, tables: Path, *, servers: str, api: str, sets: Sequence[str] = ()
) -> World:
    """A world with empty tables (copies of those in `tables`) and, where there is a broker, empty topics."""
    own = uuid4().hex[:8]
    names = [f"kafka.topics.{name}={own}.{name}" for name in EVENTS]
    names += [f"kafka.bootstrap_servers={servers or NO_BROKER}", f"claimx.base_url={api}", *sets]
    (folder / "sets.json").write_text(json.dumps(names))
    shutil.copytree(tables, folder / "warehouse")
    world = World(spark=spark, settings=_settings(folder, names, ()), folder=folder)
    if servers:
        ours = {world.topic(name) for name in EVENTS}
        create_topics(world.settings.kafka, [s for s in topic_specs(world.settings) if s.name in ours])
    return world


def _settings(folder: Path, names: Sequence[str], sets: Sequence[str]) -> Settings:
    return load(sets=[*SMALL, *_fixed(folder), *names, *sets], environ=dict(os.environ))


def _fixed(folder: Path) -> list[str]:
    """No cache: the worker processes outlive a world."""
    return [
        f"storage.warehouse={folder}/warehouse",
        f"storage.checkpoints={folder}/checkpoints",
        "metrics.port=0",
        "jobs.task_tracking.trigger_seconds=0",
        "jobs.task_trigger.trigger_seconds=0",
        "jobs.task_tracking.cache_ttl_seconds=0",
        "claimx.requests_per_second=10000",
        "claimx.retry_backoff_base=1",
        "claimx.max_retries=0",
    ]


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")


def _read(consumer: Consumer, wanted: int) -> list[Any]:
    messages: list[Any] = []
    deadline = time.monotonic() + 120
    while len(messages) < wanted:
        assert time.monotonic() < deadline, f"{len(messages)} of {wanted} messages came"
        messages += [m for m in consumer.consume(wanted - len(messages), timeout=0.5) if m.error() is None]
    return sorted(messages, key=lambda m: (m.partition(), m.offset()))


def _told(message: Any) -> dict[str, Any]:
    return {
        "key": message.key().decode() if message.key() is not None else None,
        "value": json.loads(message.value()),
        "headers": dict(message.headers() or []),
        "partition": message.partition(),
        "offset": message.offset(),
    }


def event(
    event_id: str = "e1", *, status: str = "assigned", template: object = 32513, task: object = 789, **over: Any
) -> dict[str, Any]:
    """A ClaimX event of the contract's form; `over` replaces top-level fields."""
    made = {
        "event_id": event_id,
        "event_type": "CUSTOM_TASK_ASSIGNED",
        "project_id": "12345",
        "timestamp": "2026-01-10T12:34:56.789Z",
        "task": {
            "task_id": template,
            "assignment_id": task,
            "task_name": "iTel Cabinet Documentation",
            "status": status,
            "previous_status": "created",
            "assigned_to_user_id": 11,
            "assigned_by_user_id": 12,
            "created_at": "2026-01-10T12:00:00Z",
            "completed_at": None,
        },
        "project": {"project_id": "12345", "claim_number": "ABC123456", "project_name": "House"},
    }
    return {**made, **over}


def tracking_message(
    event_id: str = "e1", *, status: str = "assigned", task: object = 789, **over: Any
) -> dict[str, Any]:
    """A tracking message of the contract's form."""
    of = event(event_id, status=status, task=task)
    made = {
        "trigger_name": "iTel Cabinet Task Tracking",
        **{name: of[name] for name in ("event_id", "event_type", "project_id")},
        "task_id": 32513,
        "assignment_id": task,
        "task_name": "iTel Cabinet Documentation",
        "task_status": status,
        **{name: of[name] for name in ("timestamp", "task", "project")},
    }
    return {**made, **over}


def with_task(message: dict[str, Any], task: object) -> dict[str, Any]:
    """The event or tracking message with another value for its `task`."""
    return {**message, "task": task}


Worlds = Callable[..., World]
