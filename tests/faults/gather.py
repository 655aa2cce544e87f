"""Reads what a world has left behind: topics, Delta tables without a JVM, ClaimX's request log, checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition
from deltalake import DeltaTable, QueryBuilder

from tests.fakes.claimx import TOKEN
from tests.faults.evidence import Call, Committed, Evidence, Limits, Row, Still, Told
from tests.faults.leaks import leaks, written
from tests.faults.plan import BOTH_PIPELINES
from tests.faults.world import ROLES, World

_TABLES = {
    "tracking": ("itel_cabinet_task_tracking", "dead_letters"),
    "identity": ("claim_project_mapping", "claim_project_mapping_history", "claimx_projects", "xact_task_pending",
                 "xact_task_ledger", "xact_task_plan", "dead_letters"),
}  # fmt: skip
TABLES = {**_TABLES, BOTH_PIPELINES: tuple(dict.fromkeys(t for tables in _TABLES.values() for t in tables))}
READ_SECONDS = 30.0
SOURCES = {"task_trigger": ("claimx_events",), "task_tracking": ("tracking",),
           "mapping_sync": ("claimx_events", "project_sync"), "task_creation": ("xact_events", "retry")}  # fmt: skip


def evidence(world: World, stills: list[Still], first_call: int) -> Evidence:
    """Everything of the world; of ClaimX's log the lines from `first_call` on, which are the world's."""
    roles = {name: role for role, name in world.topics.items()}
    tables = {name: [_with_role(row, roles) for row in rows(world, name)] for name in TABLES[world.pipeline]}
    claimx, creation = world.settings.claimx, world.settings.jobs.task_creation
    topics = {role: tuple(_told(world, role, roles)) for role in ROLES[world.pipeline]}
    jvm_logs = written(world.jvm_logs)
    return Evidence(
        produced=tuple(world.sender.produced),
        topics=topics,
        calls=tuple(calls(world.simulator.request_log))[first_call:],
        tables=tables,
        ledger=tuple(_commits(world, "xact_task_ledger")) if "xact_task_ledger" in tables else (),
        plan=tables.get("xact_task_plan", ()),
        lag=lags(world),
        stills=tuple(stills),
        leaks=leaks(TOKEN, [world.output, *jvm_logs], [world.folder / "data"], topics),
        jvm_logs=tuple(map(str, jvm_logs)),
        rows_made_twice=world.rows_made_twice,
        limits=Limits(
            max_retries=creation.max_retries,
            requests_per_second=claimx.requests_per_second,
            settle_seconds=creation.settle_seconds,
        ),
    )


def rows(world: World, table: str, columns: str = "*") -> list[Row]:
    """A table's rows as they are now."""
    opened = DeltaTable(f"{world.settings.storage.warehouse}/{table}")
    reader = QueryBuilder().register("t", opened).execute(f"SELECT {columns} FROM t")  # noqa: S608  columns of ours
    return list(pa.table(reader).to_pylist())


def lags(world: World) -> dict[str, int]:
    """Records of its topics that each job has not finished."""
    ends = topic_ends(world)
    return {job: world.progress(job).lag({world.topics[role]: ends[role] for role in SOURCES[job]})
            for job in world.jobs}  # fmt: skip


def still(world: World) -> Still:
    """Versions, ends and calls at this moment."""
    ends = topic_ends(world)
    return Still(
        versions={t: DeltaTable(f"{world.settings.storage.warehouse}/{t}").version() for t in TABLES[world.pipeline]},
        ends={role: sum(ends[role].values()) for role in ROLES[world.pipeline]},
        calls=count_lines(world.simulator.request_log),
    )


def calls(log: Path) -> Iterator[Call]:
    """ClaimX's own log; a POST's reference stands in its body, a look-up's in its query."""
    for line in log.read_bytes().splitlines():
        told = json.loads(line)
        yield Call(at=told["at"], method=told["method"], path=told["path"], status=told["status"],
                   reference=_reference(told), created_task_id=told["created_task_id"],
                   fault=told["fault"])  # fmt: skip


def count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.is_file() else 0


def topic_ends(world: World) -> dict[str, dict[int, int]]:
    """The end of each partition of each of the pipeline's topics, by role."""
    consumer = _consumer(world)
    try:
        return {role: _ends(consumer, world.topics[role]) for role in ROLES[world.pipeline]}
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str) -> dict[int, int]:
    places = [TopicPartition(topic, p) for p in consumer.list_topics(topic, timeout=10).topics[topic].partitions]
    return {p.partition: consumer.get_watermark_offsets(p, timeout=10)[1] for p in places}


def _told(world: World, role: str, roles: Mapping[str, str]) -> Iterator[Told]:
    consumer = _consumer(world)
    try:
        ends = _ends(consumer, world.topics[role])
        consumer.assign([TopicPartition(world.topics[role], p, 0) for p in ends])
        left = {p for p, end in ends.items() if end}
        while left:
            message = consumer.poll(READ_SECONDS)
            if message is None:
                raise RuntimeError(f"topic {world.topics[role]} can't be read to its end")
            if message.error() is None:
                yield _message(message, role, roles)
                if message.offset() >= ends[message.partition()] - 1:
                    left.discard(message.partition())
    finally:
        consumer.close()


def _message(message: Any, role: str, roles: Mapping[str, str]) -> Told:
    headers = {name: value or b"" for name, value in message.headers() or []}
    if "x-source" in headers:
        topic, rest = headers["x-source"].decode().split("/", 1)
        headers["x-source"] = f"{roles.get(topic, topic)}/{rest}".encode()
    key = message.key()
    return Told(place=(role, message.partition(), message.offset()), key=key.decode() if key else None,
                value=message.value(), headers=headers)  # fmt: skip


def _consumer(world: World) -> Consumer:
    return Consumer({"bootstrap.servers": world.settings.kafka.bootstrap_servers, "group.id": uuid4().hex,
                     "enable.auto.commit": False, "log_level": 0})  # fmt: skip


def _with_role(row: Row, roles: Mapping[str, str]) -> Row:
    topic = row.get("source_topic")
    return {**row, "source_topic": roles.get(topic, topic)} if topic else row


def _commits(world: World, table: str) -> Iterator[Committed]:
    """Each row of an append-only table with the moment at which its commit's file was written."""
    folder = Path(world.settings.storage.warehouse) / table
    feed = pa.table(DeltaTable(str(folder)).load_cdf(starting_version=0)).to_pylist()
    moments: dict[int, float] = {}
    for row in feed:
        version = row["_commit_version"]
        if version not in moments:
            moments[version] = (folder / "_delta_log" / f"{version:020}.json").stat().st_mtime
        yield Committed(at=moments[version], row=row)


def _reference(told: Row) -> str | None:
    if told["method"] != "POST":
        reference: str | None = told["query"].get("external_reference")
        return reference
    try:
        return str(json.loads(told["body"])["external_reference"])
    except (ValueError, KeyError):
        return None
