"""What landed, read by others than the product: delta-rs for the tables, a plain consumer for the topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from claimx_lib.config.settings import Settings
from claimx_lib.connectors.kafka_client import client_options
from claimx_lib.connectors.kafka_offsets import offset_ranges
from claimx_lib.errors import DevStackError

READ_SECONDS = 30.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One message: key and headers as text, value as JSON."""

    key: str | None
    value: Any
    headers: dict[str, str]


def rows(settings: Settings, table: str, columns: str = "*") -> list[Row]:
    """Return the table's rows with these columns (SQL), by delta-rs."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    opened = DeltaTable(f"{settings.storage.warehouse}/{table}")
    reader = QueryBuilder().register("t", opened).execute(f"SELECT {columns} FROM t")  # noqa: S608 (our own columns)
    found: list[Row] = pa.table(reader).to_pylist()
    return found


def messages(settings: Settings, topic: str) -> list[Landed]:
    """Return every message that the topic holds now, by a consumer without a group of its own."""
    return list(_read(settings, topic))


def _read(settings: Settings, topic: str) -> Iterator[Landed]:
    from confluent_kafka import Consumer, TopicPartition

    held = {place.partition: held for place, held in offset_ranges(settings.kafka, [topic]).items()}
    left = sum(each.end - each.first for each in held.values())
    consumer = Consumer({**client_options(settings.kafka), "group.id": "claimx-demo", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, number, each.first) for number, each in held.items()])
        while left > 0:
            batch = consumer.consume(min(left, 1000), timeout=READ_SECONDS)
            if not batch:
                raise DevStackError(f"{topic}: {left} messages could not be read", cure="see the broker's log")
            left -= len(batch)
            for message in batch:
                yield _landed(message)
    finally:
        consumer.close()


def _landed(message: Any) -> Landed:
    key, value = message.key(), message.value()
    return Landed(
        key=key.decode("utf-8", "replace") if key is not None else None,
        value=json.loads(value) if value is not None else None,
        headers={name: (text or b"").decode("utf-8", "replace") for name, text in message.headers() or []},
    )
