"""How the topics are on the broker: how long it keeps what they hold, and their partitions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from claimx_lib.connectors.kafka_client import admin, require_broker, topics_there, unreachable
from claimx_lib.errors import KafkaError

if TYPE_CHECKING:
    from claimx_lib.config.settings import Kafka

FOREVER = None
SECONDS = 1000


def retention_seconds(kafka: Kafka, topics: Iterable[str]) -> dict[str, float | None]:
    """Return, for each topic that is there, how long a record stays at most; None where it may stay for ever.

    A compacted topic keeps the newest record of each key for ever. KafkaError where the broker does not answer.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]

    there = topics_there(kafka)
    wanted = [ConfigResource(ResourceType.TOPIC, name) for name in sorted(set(topics) & there)]
    if not wanted:
        return {}
    client = admin(kafka)  # kept until the futures are done: they end with it
    try:
        answers = client.describe_configs(wanted, request_timeout=kafka.request_timeout_seconds)
        found = {resource.name: future.result() for resource, future in answers.items()}
    except KafkaException as error:
        raise KafkaError(
            f"the topics' retention cannot be read: {error.args[0].str()}", cure="allow DESCRIBE_CONFIGS"
        ) from None
    return {
        name: _seconds(config["retention.ms"].value, config["cleanup.policy"].value) for name, config in found.items()
    }


def partition_counts(kafka: Kafka, topics: Iterable[str]) -> dict[str, int]:
    """Return, for each topic that is there, how many partitions it has; KafkaError where no broker answers."""
    from confluent_kafka import KafkaException

    require_broker(kafka)
    try:
        known = admin(kafka).list_topics(timeout=kafka.request_timeout_seconds).topics
    except KafkaException as error:
        raise unreachable(kafka, error.args[0].str()) from None
    return {name: len(known[name].partitions) for name in sorted(set(topics) & set(known))}


def _seconds(retention_ms: str, cleanup: str) -> float | None:
    is_kept = int(retention_ms) < 0 or "delete" not in cleanup
    return FOREVER if is_kept else int(retention_ms) / SECONDS
