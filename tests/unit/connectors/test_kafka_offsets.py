"""A partition that has no leader for a moment is asked again; what else fails is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError as Code
from confluent_kafka import KafkaException

from claimx_lib.config.load import load
from claimx_lib.connectors import kafka_offsets
from claimx_lib.domain.offsets import Range, TopicPartition
from claimx_lib.errors import KafkaError

PLACE = TopicPartition(topic="t", partition=0)


class Consumer:
    """One topic of one partition; answers with these errors first."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def list_topics(self, **_: float) -> Any:
        return SimpleNamespace(topics={"t": SimpleNamespace(partitions={0: None})})

    def get_watermark_offsets(self, _place: Any, **_: float) -> tuple[int, int]:
        if self.codes:
            raise KafkaException(Code(self.codes.pop(0)))
        return 3, 7

    def offsets_for_times(self, places: list[Any], **_: float) -> list[Any]:
        error = Code(self.codes.pop(0)) if self.codes else None
        return [SimpleNamespace(topic="t", partition=0, offset=places[0].offset if error else 5, error=error)]

    def close(self) -> None:
        pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the consumer; the broker is taken to be there, and no time passes between two questions."""
    monkeypatch.setattr(kafka_offsets, "require_broker", lambda _: None)
    monkeypatch.setattr(kafka_offsets, "ASK_AGAIN_SECONDS", 0.0)

    def use(*codes: int) -> None:
        monkeypatch.setattr("confluent_kafka.Consumer", lambda _: Consumer(*codes))

    return use


@pytest.mark.parametrize("code", [Code.NOT_LEADER_FOR_PARTITION, Code.LEADER_NOT_AVAILABLE])
def test_a_partition_without_a_leader_is_asked_again(asked: Any, code: int) -> None:
    """Offsets come once it has one."""
    asked(code, code)
    assert kafka_offsets.offset_ranges(load().kafka, ["t"]) == {PLACE: Range(first=3, end=7)}
    asked(code, code)
    assert kafka_offsets.offsets_at(load().kafka, ["t"], datetime(2026, 1, 1, tzinfo=UTC)) == {PLACE: 5}


def test_what_does_not_pass_is_told(asked: Any) -> None:
    """The first such answer ends the question."""
    asked(Code.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaError, match=r"(?i)topic authorization failed"):
        kafka_offsets.offset_ranges(load().kafka, ["t"])
    asked(Code.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaError, match=r"(?i)topic authorization failed"):
        kafka_offsets.offsets_at(load().kafka, ["t"], datetime(2026, 1, 1, tzinfo=UTC))
