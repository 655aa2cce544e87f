"""What the driver needs to know of a batch before anybody is called: its events, each once, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.dead_letters import replayed_letter
from claimx_lib.transforms.tracking import SKIPPED
from claimx_lib.transforms.tracking_rows import day_number

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Coordinates = tuple[int, int]
"""Partition and offset on the tracking topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A batch as the driver sees it, one row an event: of several the one with the lowest coordinates.

    `events`: event_id to coordinates. `repeated`: coordinates of the others. `days`: days since 1970 of the events.
    `ends`: the offset after the last one, by (topic, partition). `kafka_seconds`: when the events came into Kafka.
    `letters`: the dead letters that some of them are replays of.
    """

    records: int
    refused: int
    skipped: int
    events: dict[str, Coordinates]
    repeated: tuple[Coordinates, ...]
    days: frozenset[int]
    ends: dict[tuple[str, int], int]
    kafka_seconds: tuple[float, ...]
    letters: frozenset[str] = frozenset()
    refused_letters: frozenset[str] = frozenset()


def taken_in(rows: DataFrame) -> Intake:
    """Read the light columns of judged rows in one job."""
    return _intake(rows.select(*_light()).toArrow().to_pylist())


@built_once
def _light() -> list[Column]:
    return [
        *map(F.col, ("topic", "partition", "offset")),
        F.col("verdict.reason").alias("reason"),
        F.when(F.col("verdict").isNull(), F.col("event_id")).alias("event_id"),
        day_number(F.col("event_timestamp")).alias("day"),
        F.unix_millis("kafka_at").alias("kafka_ms"),
        replayed_letter(F.col("headers")).alias("letter"),
    ]


def _intake(records: list[dict[str, Any]]) -> Intake:
    records.sort(key=lambda r: (r["partition"], r["offset"]))
    events: dict[str, Coordinates] = {}
    repeated: list[Coordinates] = []
    for record in records:
        if record["reason"] is None:
            coordinates = (record["partition"], record["offset"])
            if events.setdefault(record["event_id"], coordinates) != coordinates:
                repeated.append(coordinates)
    valid = [r for r in records if r["reason"] is None]
    skipped = sum(r["reason"] == SKIPPED for r in records)
    return Intake(
        records=len(records),
        refused=len(records) - len(valid) - skipped,
        skipped=skipped,
        events=events,
        repeated=tuple(repeated),
        days=frozenset(r["day"] for r in valid),
        ends={(r["topic"], r["partition"]): r["offset"] + 1 for r in records},
        letters=frozenset(r["letter"] for r in records if r["reason"] in {None, SKIPPED}) - {None},
        refused_letters=frozenset(r["letter"] for r in records if r["reason"] not in {None, SKIPPED}) - {None},
        kafka_seconds=tuple(r["kafka_ms"] / 1000 for r in valid if r["kafka_ms"] is not None),
    )


def without(rows: DataFrame, coordinates: Iterable[Coordinates]) -> DataFrame:
    """The judged rows that are to be tracked and do not stand at these coordinates."""
    valid = rows.where(F.col("verdict").isNull())
    dropped = list(coordinates)
    return (
        valid if not dropped else valid.join(_frame(valid.sparkSession, dropped), ["partition", "offset"], "left_anti")
    )


def _frame(session: SparkSession, coordinates: list[Coordinates]) -> DataFrame:
    return F.broadcast(session.createDataFrame(coordinates, "partition INT, offset BIGINT"))
