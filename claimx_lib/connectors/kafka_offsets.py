"""Which offsets Kafka's topics hold, asked without Spark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from claimx_lib.connectors.kafka_client import client_options, require_broker, unreachable
from claimx_lib.domain.offsets import Offsets, Range, TopicPartition

if TYPE_CHECKING:
    from claimx_lib.config.settings import Kafka

ASK_AGAIN_SECONDS = 0.2
_T = TypeVar("_T")


def offset_ranges(kafka: Kafka, topics: Iterable[str]) -> dict[TopicPartition, Range]:
    """Return what each partition of those topics holds; a topic that is not there has no entry.

    KafkaError where no broker answers, or a partition has no leader for all of `kafka.request_timeout_seconds`.
    """
    wait = kafka.request_timeout_seconds
    found: dict[TopicPartition, Range] = {}
    with _lookup(kafka) as consumer:
        for place in _partitions(consumer, topics, wait):
            first, end = _while_leaderless(partial(consumer.get_watermark_offsets, place, timeout=wait), wait)
            found[TopicPartition(topic=place.topic, partition=place.partition)] = Range(first=first, end=end)
    return found


def offsets_at(kafka: Kafka, topics: Iterable[str], at: datetime) -> Offsets:
    """Return the first offset of each partition whose record is not older than `at`; -1 (its end) where there is none.

    Raises as `offset_ranges` does.
    """
    from confluent_kafka import TopicPartition as Place

    wait, millis = kafka.request_timeout_seconds, int(at.timestamp() * 1000)
    with _lookup(kafka) as consumer:
        wanted = [Place(p.topic, p.partition, millis) for p in _partitions(consumer, topics, wait)]
        answered = _while_leaderless(partial(_offsets_for_times, consumer, wanted, wait), wait) if wanted else []
        return {TopicPartition(topic=p.topic, partition=p.partition): max(p.offset, -1) for p in answered}


def _offsets_for_times(consumer: Any, wanted: list[Any], wait: float) -> list[Any]:
    from confluent_kafka import KafkaException

    answered: list[Any] = consumer.offsets_for_times(wanted, timeout=wait)
    for place in answered:
        if place.error is not None:  # its offset is not one
            raise KafkaException(place.error)
    return answered


def _while_leaderless(ask: Callable[[], _T], wait: float) -> _T:
    """Ask again, for `wait` seconds, while a partition has no leader: one just made, or one that a broker hands over."""
    from confluent_kafka import KafkaError as Code
    from confluent_kafka import KafkaException

    deadline = time.monotonic() + wait
    while True:
        try:
            return ask()
        except KafkaException as error:
            is_passing = error.args[0].code() in (Code.NOT_LEADER_FOR_PARTITION, Code.LEADER_NOT_AVAILABLE)
            if not is_passing or time.monotonic() >= deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)


@contextmanager
def _lookup(kafka: Kafka) -> Iterator[Any]:
    """A consumer needs a group to exist; this one joins none and commits nothing."""
    from confluent_kafka import Consumer, KafkaException

    require_broker(kafka)
    consumer = Consumer({**client_options(kafka), "group.id": "claimx-offsets", "enable.auto.commit": False})
    try:
        yield consumer
    except KafkaException as error:
        raise unreachable(kafka, error.args[0].str()) from None
    finally:
        consumer.close()


def _partitions(consumer: Any, topics: Iterable[str], wait: float) -> list[Any]:
    from confluent_kafka import TopicPartition as Place

    known = consumer.list_topics(timeout=wait).topics
    return [Place(topic, number) for topic in sorted(set(topics) & set(known)) for number in known[topic].partitions]
