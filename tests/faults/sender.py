"""Puts records on topics and keeps a log of where each one landed: the producer's own account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.faults.evidence import Produced
from tests.faults.feed import Item

DELIVERY_SECONDS = 60.0


class Sender:
    """An idempotent producer; `topics` gives each role its topic. The log has a line for each acknowledged record."""

    def __init__(self, servers: str, topics: Mapping[str, str], log: Path) -> None:
        self._topics = topics
        self._log = log
        self.produced: list[Produced] = []
        self._failures: list[str] = []
        self._producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5,
                                   "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000), "log_level": 0})  # fmt: skip

    def send(self, items: Sequence[Item]) -> None:
        """All items are acknowledged and in the log when this returns."""
        for item in items:
            self._producer.produce(
                self._topics[item.role], key=item.key, value=item.value,
                on_delivery=lambda error, message, item=item: self._landed(item, error, message),
            )  # fmt: skip
        left = self._producer.flush(DELIVERY_SECONDS)
        if left or self._failures:
            raise RuntimeError(f"{left + len(self._failures)} records were not taken: {self._failures[:1]}")

    def _landed(self, item: Item, error: Any, message: Any) -> None:
        if error is not None:
            self._failures.append(str(error))
            return
        place = (item.role, message.partition(), message.offset())
        self.produced.append(Produced(place=place, outcome=item.outcome, kind=item.kind, event_id=item.event_id))
        with self._log.open("a") as log:
            log.write(json.dumps([*place, item.outcome, item.kind, item.event_id]) + "\n")
