"""The topics: created where they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.schemas.topics import topic_specs

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings


def create_missing(settings: Settings) -> list[dict[str, Any]]:
    """Create each topic that is not there, change none that is, and tell of each one what was done.

    Input topics belong to others: they are created only where `kafka.create_input_topics` says so.
    """
    wanted = [s for s in topic_specs(settings) if not s.is_input or settings.kafka.create_input_topics]
    created = set(create_topics(settings.kafka, wanted))
    return [
        {
            "topic": spec.name,
            "partitions": spec.partitions,
            "retention_days": spec.retention_days,
            "result": "created" if spec.name in created else "there already",
        }
        for spec in wanted
    ]
