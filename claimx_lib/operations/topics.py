"""The topics: created where they are missing, and told as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.connectors.kafka_retention import partition_counts, retention_seconds
from claimx_lib.errors import KafkaError
from claimx_lib.schemas.topics import topic_specs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claimx_lib.config.settings import Kafka, Settings
    from claimx_lib.schemas.topics import TopicSpec

DAY_SECONDS = 24 * 60 * 60
THERE = "there already"


def create_missing(settings: Settings) -> list[dict[str, Any]]:
    """Create each topic that is not there, change none that is, and tell of each one what was done and how it is.

    Partitions and retention of a topic that was there are the broker's own, and `result` tells what differs from what
    would have been created. Input topics belong to others: they are created only where `kafka.create_input_topics`
    says so.
    """
    wanted = [s for s in topic_specs(settings) if not s.is_input or settings.kafka.create_input_topics]
    created = set(create_topics(settings.kafka, wanted))
    there = _as_they_are(settings.kafka, [spec for spec in wanted if spec.name not in created])
    return [there[spec.name] if spec.name in there else _told(spec, "created") for spec in wanted]


def _as_they_are(kafka: Kafka, specs: Iterable[TopicSpec]) -> dict[str, dict[str, Any]]:
    listed = {spec.name: spec for spec in specs}
    if not listed:
        return {}
    partitions = partition_counts(kafka, listed)
    try:
        seconds = retention_seconds(kafka, listed)
    except KafkaError as error:  # what was created is created, and this right is needed for nothing else
        return {name: _unread(spec, partitions[name], error) for name, spec in listed.items()}
    return {name: _compared(spec, partitions[name], seconds[name]) for name, spec in listed.items()}


def _unread(spec: TopicSpec, partitions: int, error: KafkaError) -> dict[str, Any]:
    result = f"{_result(spec, partitions, differs=[])}; {error}"
    return {"topic": spec.name, "partitions": partitions, "retention_days": None, "result": result}


def _compared(spec: TopicSpec, partitions: int, seconds: float | None) -> dict[str, Any]:
    """A topic that is there; a retention of None is that of one that keeps records for ever."""
    days = None if seconds is None else _whole(round(seconds / DAY_SECONDS, 3))
    kept = "none (kept for ever)" if days is None else f"{days:g}"
    differs = [f"retention_days {kept}, wanted {spec.retention_days}"] if days != spec.retention_days else []
    result = _result(spec, partitions, differs)
    return {"topic": spec.name, "partitions": partitions, "retention_days": days, "result": result}


def _whole(days: float) -> float:
    return int(days) if days.is_integer() else days


def _result(spec: TopicSpec, partitions: int, differs: list[str]) -> str:
    other = [f"partitions {partitions}, wanted {spec.partitions}"] if partitions != spec.partitions else []
    return "; ".join([THERE, *other, *differs])


def _told(spec: TopicSpec, result: str) -> dict[str, Any]:
    return {
        "topic": spec.name,
        "partitions": spec.partitions,
        "retention_days": spec.retention_days,
        "result": result,
    }
