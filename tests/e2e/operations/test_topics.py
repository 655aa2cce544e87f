"""Topics as a real broker has them."""

from __future__ import annotations

from uuid import uuid4

from claimx_lib.config.load import load
from claimx_lib.connectors.kafka_client import create_topics
from claimx_lib.devstack.broker import Broker
from claimx_lib.operations.topics import create_missing
from claimx_lib.schemas.topics import TopicSpec


def test_topics_that_are_there_are_told_as_they_are(broker: Broker) -> None:
    """A topic that somebody made otherwise keeps its shape, and the listing tells it, with what was wanted."""
    retry = f"retry-{uuid4().hex}"
    sets = [f"kafka.bootstrap_servers={broker.bootstrap_servers}", f"jobs.task_creation.retry_topic={retry}"]
    settings = load(sets=sets, environ={})
    create_topics(settings.kafka, [TopicSpec(name=retry, partitions=2, retention_days=1)])
    (told,) = [row for row in create_missing(settings) if row["topic"] == retry]
    assert (told["partitions"], told["retention_days"]) == (2, 1)
    assert told["result"] == "there already; partitions 2, wanted 6; retention_days 1, wanted 7"
    others = [row for row in create_missing(settings) if row["topic"] == "project.sync"]
    assert [row["result"].split(";")[0] for row in others] == ["there already"]
