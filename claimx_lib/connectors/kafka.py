"""Kafka through Spark: records in as a frame with coordinates, rows out with their topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.config.secrets import read_secret
from claimx_lib.connectors.spark import on_databricks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from claimx_lib.config.settings import Kafka

RECORD = ("key", "value", "topic", "partition", "offset", "timestamp", "headers")
FULL_BATCH_BYTES = 262_144
"""Kafka's own 16 KB make a request of every dozen messages."""
LIBRDKAFKA_ONLY = frozenset({"ssl.ca.location", "ssl.certificate.location", "ssl.key.location"})
LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def read_stream(
    session: SparkSession, kafka: Kafka, topics: list[str], *, starting_offsets: str, max_records: int
) -> DataFrame:
    """Return a streaming frame of the topics' records: key, value BINARY, topic, partition, offset,
    timestamp, headers ARRAY<STRUCT<key, value>>; at most about `max_records` a micro-batch.

    Fails where offsets that the checkpoint names are gone from the broker, rather than skip them, unless
    `kafka.accept_data_loss` says otherwise. What a producer has aborted is not read, unless `kafka.options` asks for it.
    """
    reader = session.readStream.format("kafka").option("kafka.isolation.level", "read_committed")
    reader = reader.options(**spark_options(kafka))
    return (
        reader.option("subscribe", ",".join(topics))
        .option("startingOffsets", starting_offsets)
        .option("maxOffsetsPerTrigger", max_records)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", str(not kafka.accept_data_loss).lower())
        .load()
        .select(*RECORD)
    )


def write(frame: DataFrame, kafka: Kafka) -> None:
    """Write each row (topic STRING, key STRING, value STRING or BINARY, headers) to Kafka at least once.

    A call again after a crash may double messages: each carries its key and ids for that. Messages wait for others up
    to `linger.ms` only until the write's last one is in: then it is flushed.
    """
    together = {"kafka.batch.size": str(min(FULL_BATCH_BYTES, kafka.max_message_bytes)), "kafka.linger.ms": "50"}
    writer = frame.write.format("kafka").options(**{**together, **spark_options(kafka)})
    writer.option("includeHeaders", "true").option("kafka.max.request.size", kafka.max_message_bytes).save()


def spark_options(kafka: Kafka) -> dict[str, str]:
    """Return the options of Spark's Kafka source and sink; secrets are read at this moment."""
    options = {
        "kafka.bootstrap.servers": kafka.bootstrap_servers,
        "kafka.security.protocol": kafka.security_protocol,
        **{f"kafka.{key}": value for key, value in _java_options(kafka).items()},
    }
    if kafka.sasl_mechanism is not None:
        options["kafka.sasl.mechanism"] = kafka.sasl_mechanism
    if kafka.sasl_mechanism in LOGIN_MODULES and kafka.sasl_password is not None:
        password = read_secret(kafka.sasl_password, path="kafka.sasl_password").reveal()
        shaded = "kafkashaded." if on_databricks() else ""  # its runtime has Kafka's classes under a name of their own
        module = f"{shaded}{LOGIN_MODULES[kafka.sasl_mechanism]}"
        options["kafka.sasl.jaas.config"] = (
            f'{module} required username="{_quoted(kafka.sasl_username or "")}" password="{_quoted(password)}";'
        )
    return options


def _java_options(kafka: Kafka) -> dict[str, str]:
    """`kafka.options` as Java's client takes them: librdkafka's file of certificates is a truststore in PEM there."""
    options = {key: value for key, value in kafka.options.items() if key not in LIBRDKAFKA_ONLY}
    bundle = kafka.options.get("ssl.ca.location")
    if bundle is not None and "ssl.truststore.location" not in options:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": bundle}
    return options


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
