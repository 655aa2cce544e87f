"""Kafka without Spark: topics and single messages, for commands and tests."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claimx_lib.config.secrets import read_secret
from claimx_lib.errors import ConfigError, KafkaError

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from claimx_lib.config.settings import Kafka
    from claimx_lib.schemas.topics import TopicSpec

CONNECT_TIMEOUT_SECONDS = 3.0
FIRST_TRY_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to send."""

    topic: str
    key: str
    value: str | bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def client_options(kafka: Kafka) -> dict[str, Any]:
    """Return librdkafka's options for these settings.

    A truststore is Java's alone; a keystore is given to both, unless the certificate is named by itself.
    """
    javas = ("ssl.truststore.", *(["ssl.keystore."] if "ssl.certificate.location" in kafka.options else []))
    options: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
        "log_level": 0,
        **{key: value for key, value in kafka.options.items() if not key.startswith(javas)},
    }
    if kafka.sasl_mechanism is not None:
        options["sasl.mechanism"] = kafka.sasl_mechanism
        options["sasl.username"] = kafka.sasl_username or ""
        if kafka.sasl_password is not None:
            options["sasl.password"] = read_secret(kafka.sasl_password, path="kafka.sasl_password").reveal()
    return options


def admin(kafka: Kafka, on_error: Callable[[Any], None] | None = None) -> AdminClient:
    """Return an admin client; nothing is sent yet. ConfigError where the client does not take the settings."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    heard = {} if on_error is None else {"error_cb": on_error}
    try:
        return AdminClient(client_options(kafka) | heard)
    except KafkaException as error:
        raise ConfigError(f"kafka: {error.args[0].str()}", cure="mend it in the kafka group of the settings") from None


def require_broker(kafka: Kafka) -> None:
    """Return once a bootstrap server takes a connection; KafkaError, at once where each one refuses.

    The client library itself goes on trying for its whole timeout: a person would wait 15 seconds for a typing error.
    """
    refused: list[str] = []
    for server in kafka.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
        except (OSError, ValueError) as error:
            refused.append(getattr(error, "strerror", None) or str(error))
        else:
            return
    raise unreachable(kafka, refused[0])


def topics_there(kafka: Kafka) -> set[str]:
    """Return the names of the topics on the brokers; KafkaError where none answers in time, or as soon as one refuses
    the password or shows a certificate that nobody vouches for.
    """
    from confluent_kafka import KafkaError as Code
    from confluent_kafka import KafkaException

    require_broker(kafka)
    heard: list[str] = []
    refusals = {Code._AUTHENTICATION, Code._SSL}  # noqa: SLF001  (librdkafka's own codes have no other names)
    client = admin(kafka, lambda error: heard.append(error.str()) if error.code() in refusals else None)
    try:
        return _listed(client, heard, kafka.request_timeout_seconds)
    except KafkaException as error:
        raise (_refused(kafka, heard[0]) if heard else unreachable(kafka, error.args[0].str())) from None


def _listed(client: AdminClient, heard: list[str], seconds: float) -> set[str]:
    """The client itself would try a refused password until its time is over: a short try tells it first."""
    from confluent_kafka import KafkaException

    try:
        return set(client.list_topics(timeout=min(FIRST_TRY_SECONDS, seconds)).topics)
    except KafkaException:
        client.poll(0)  # now it says what it has heard
        if heard:
            raise
    return set(client.list_topics(timeout=seconds).topics)


def _refused(kafka: Kafka, why: str) -> KafkaError:
    cure = "check kafka.security_protocol, kafka.sasl_username, the secret that kafka.sasl_password names, and kafka.options"
    return KafkaError(f"no way in at {kafka.bootstrap_servers}: {why}", cure=cure)


def create_topics(kafka: Kafka, specs: Iterable[TopicSpec]) -> list[str]:
    """Create the topics that are missing, change nothing that exists, and return their names."""
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    from claimx_lib.schemas.topics import DAY_MS

    there = topics_there(kafka)
    missing = [spec for spec in specs if spec.name not in there]
    requests = [
        NewTopic(
            spec.name,
            num_partitions=spec.partitions,
            replication_factor=kafka.replication_factor,
            config={"retention.ms": str(spec.retention_days * DAY_MS)},
        )
        for spec in missing
    ]
    if requests:
        client = admin(kafka)  # kept until the futures are done: they end with it
        _await_created(client.create_topics(requests, operation_timeout=kafka.request_timeout_seconds))
    return [spec.name for spec in missing]


def _await_created(futures: dict[str, Any]) -> None:
    from confluent_kafka import KafkaError as Code
    from confluent_kafka import KafkaException

    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != Code.TOPIC_ALREADY_EXISTS:
                raise KafkaError(f"topic {name}: {error.args[0].str()}", cure="see the broker's log") from None


def send(kafka: Kafka, messages: Iterable[Message]) -> int:
    """Send the messages and return their number once every one is acknowledged by all replicas."""
    from confluent_kafka import Producer

    require_broker(kafka)
    failures: list[str] = []
    producer = Producer({**client_options(kafka), "enable.idempotence": True, "message.max.bytes": 1_000_000_000,
                         "delivery.timeout.ms": int(kafka.request_timeout_seconds * 4000)})  # fmt: skip
    sent = 0
    for message in messages:
        _produce(producer, message, failures)
        sent += 1
    left = producer.flush(kafka.request_timeout_seconds * 4)
    if failures or left:
        raise KafkaError(f"{len(failures) + left} of {sent} messages were not taken: {(failures or ['timed out'])[0]}",
                         cure="check kafka.bootstrap_servers and the broker")  # fmt: skip
    return sent


def _produce(producer: Any, message: Message, failures: list[str]) -> None:
    def told(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(str(error.str()))

    while True:
        try:
            producer.produce(message.topic, key=message.key, value=message.value, headers=message.headers,
                             on_delivery=told)  # fmt: skip
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def unreachable(kafka: Kafka, why: str) -> KafkaError:
    """Return the error that says where no broker answered, and why."""
    return KafkaError(
        f"no broker answers at {kafka.bootstrap_servers}: {why}",
        cure="set KAFKA_BOOTSTRAP_SERVERS, or start one with claimx dev up",
    )
