"""Task tracking as a user would write it without Spark: one process, one batch after the other.

It does what ours does in the ordinary case: each event once, required fields, each distinct task asked for once, one
row an event, one message a row. It has no retries, no breaker, no schema evolution, no dead letters and no replay that
finds its own rows after a crash.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa
import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from deltalake import write_deltalake
from requests.adapters import HTTPAdapter

from tests.fakes.claimx import TOKEN
from tests.fakes.world import World
from tests.performance.claimx import IN_FLIGHT
from tests.performance.tracking_feed import Stretch

REQUIRED = ("event_id", "task_id", "event_type", "task_status", "project_id")
COPIED = ("event_id", "event_type", "project_id", "task_id", "assignment_id", "task_name", "task_status")
FROM_TASK = ("previous_status", "assigned_to_user_id", "assigned_by_user_id", "created_at", "completed_at")


@dataclass(slots=True)
class Rival:
    """Its table, its connections and the events that it has seen."""

    world: World
    table: str
    seen: set[str] = field(default_factory=set)
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=IN_FLIGHT))
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"
        self.session.trust_env = False

    def run(self, stretch: Stretch) -> None:
        """The records of the stretch are in the table and told."""
        events = [event for event in map(json.loads, self._values(stretch)) if self._is_new(event)]
        tasks = sorted({str(event["assignment_id"]) for event in events})
        with ThreadPoolExecutor(IN_FLIGHT) as threads:
            details = dict(zip(tasks, threads.map(self._task, tasks), strict=True))
        rows = [_row(event, details[str(event["assignment_id"])]) for event in events]
        write_deltalake(self.table, pa.Table.from_pylist(rows), mode="append")
        self._tell(rows)

    def _values(self, stretch: Stretch) -> list[bytes]:
        servers = self.world.settings.kafka.bootstrap_servers
        consumer = Consumer({"bootstrap.servers": servers, "group.id": str(uuid4()), "enable.auto.commit": False})
        consumer.assign([TopicPartition(stretch.topic, p, at) for p, at in stretch.since.items()])
        wanted = sum(stretch.until.values()) - sum(stretch.since.values())
        values: list[bytes] = []
        while len(values) < wanted:
            values += [m.value() for m in consumer.consume(min(wanted - len(values), 10_000), 5) if m.error() is None]
        consumer.close()
        return values

    def _is_new(self, event: dict[str, Any]) -> bool:
        is_new = event["event_id"] not in self.seen and all(event.get(name) is not None for name in REQUIRED)
        self.seen.add(event["event_id"])
        return is_new and event["task_id"] == 32513

    def _task(self, task_id: str) -> str:
        answer = self.session.get(f"{self.world.settings.claimx.base_url}/api/v1/tasks/{task_id}", timeout=30)
        answer.raise_for_status()
        return answer.text

    def _tell(self, rows: list[dict[str, Any]]) -> None:
        producer = Producer({"bootstrap.servers": self.world.settings.kafka.bootstrap_servers, "linger.ms": 20})
        topic = self.world.topic("tracking_success")
        for number, row in enumerate(rows):
            told = {name: row[name] for name in ("event_id", "task_id", "task_status", "enrichment_status")}
            producer.produce(topic, json.dumps(told).encode(), key=str(row["assignment_id"]))
            if number % 1_000 == 0:
                producer.poll(0)
        producer.flush(30)


def _row(event: dict[str, Any], details: str) -> dict[str, Any]:
    return {
        **{name: event[name] for name in COPIED},
        **{name: event["task"].get(name) for name in FROM_TASK if event["task"].get(name) is not None},
        "event_timestamp": datetime.fromisoformat(event["timestamp"]),
        "enrichment_status": "enriched",
        "original_event": json.dumps(event),
        "claimx_task_full": details,
        "processed_at": datetime.now(UTC),
    }
