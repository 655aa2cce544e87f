"""A consumer group's offsets, told to the broker for lag tools; nothing of ours ever reads them."""

from __future__ import annotations

from collections.abc import Mapping

from claimx_lib.config.settings import Kafka
from claimx_lib.connectors.kafka_client import admin
from claimx_lib.errors import KafkaError


def commit_group_offsets(kafka: Kafka, group: str, ends: Mapping[tuple[str, int], int]) -> None:
    """Set the group's offsets to `ends`, by (topic, partition); KafkaError where the broker does not take them.

    The group must have no members: the job itself reads by its checkpoint and joins no group.
    """
    from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

    positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in sorted(ends.items())]
    request = [ConsumerGroupTopicPartitions(group, positions)]
    client = admin(kafka)  # its futures end with it
    futures = client.alter_consumer_group_offsets(request, request_timeout=kafka.request_timeout_seconds)
    try:
        for future in futures.values():
            future.result(timeout=kafka.request_timeout_seconds)
    except (KafkaException, TimeoutError) as error:
        raise KafkaError(f"group {group}: offsets not taken: {error}", cure="see the broker's log") from None
