from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from claimx_lib.devstack.broker import Broker, cluster_id_at
from claimx_lib.devstack.ports import accepts, is_free
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

CALLER = """
import sys
from pathlib import Path
from claimx_lib.devstack.broker import Broker

with Broker(data_dir=Path(sys.argv[1])) as broker:
    print(broker.pid, broker.port, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that a test may stop and kill."""
    with Broker(data_dir=tmp_path / "broker") as running:
        yield running


def create(broker: Broker, topic: str) -> None:
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    for future in client.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(timeout=60)


def produce(broker: Broker, topic: str, value: bytes) -> None:
    refused: list[object] = []
    options = {"log_level": 0, "message.max.bytes": 10_000_000, "topic.metadata.propagation.max.ms": 0}
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, **options})
    producer.produce(topic, value, on_delivery=lambda error, _message: refused.append(error) if error else None)
    assert producer.flush(60) == 0
    if refused:
        raise KafkaException(refused[0])


def first_value(broker: Broker, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": str(uuid4()), "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    assert message.error() is None
    return message.value()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_keeps_what_is_written(broker: Broker) -> None:
    """What a client writes to the broker another client reads."""
    topic = f"kept-{uuid4()}"
    create(broker, topic)
    produce(broker, topic, b"one")
    assert first_value(broker, topic) == b"one"


def test_creates_no_topic_by_itself(broker: Broker) -> None:
    """A topic that nobody created is refused, so that a wrong name cannot hide."""
    with pytest.raises(KafkaException):
        produce(broker, f"unknown-{uuid4()}", b"one")


@pytest.mark.long
def test_data_and_port_outlive_stop_and_kill(own_broker: Broker) -> None:
    """A broker that was stopped, or died by SIGKILL, leaves nothing running and comes back on its port with its data."""
    port = own_broker.port
    create(own_broker, "kept")
    produce(own_broker, "kept", b"one")
    for end in (own_broker.stop, own_broker.kill):
        pid = own_broker.pid
        end()
        assert not is_alive(pid)
        assert is_free(port)
        assert cluster_id_at(own_broker.bootstrap_servers, timeout_seconds=0.5) is None
        own_broker.start()
        assert own_broker.port == port
        assert first_value(own_broker, "kept") == b"one"


def test_refuses_a_record_beyond_its_limit(broker: Broker) -> None:
    """`message_max_bytes` is the broker's own limit, whatever the client allows itself."""
    topic = f"small-{uuid4()}"
    create(broker, topic)
    produce(broker, topic, b"x" * 1_000_000)
    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):
        produce(broker, topic, b"x" * 1_100_000)


@pytest.mark.long
def test_dies_with_its_caller(tmp_path: Path) -> None:
    """A caller that dies by kill -9 takes its broker along."""
    command = [sys.executable, "-c", CALLER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pid, port = map(int, caller.stdout.readline().split())
        assert accepts(port)
        caller.kill()
        caller.wait(timeout=60)
    wait_until(lambda: not is_alive(pid), what=f"the broker (process {pid}) has ended", timeout_seconds=120)


def test_says_why_it_cannot_start(broker: Broker, tmp_path: Path) -> None:
    """A port that is taken ends the start with one error that names it."""
    with pytest.raises(DevStackError, match=f"port {broker.port} is taken"):
        Broker(data_dir=tmp_path, port=broker.port).start()
