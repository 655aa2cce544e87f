"""Every setting of the product, typed; `conf/base.yaml` holds the values and says what each is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from claimx_lib.config.jobs import Jobs
from claimx_lib.config.model import (
    Count,
    Model,
    PerSecond,
    Port,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    TopicName,
)
from claimx_lib.config.secrets import SecretReference

LOOPBACK = ("127.", "localhost", "[::1]", "::1")
CATALOG_ROOT = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*$")


class Topics(Model):
    """The topics' names; key = what a topic is for."""

    claimx_events: TopicName
    xact_events: TopicName
    project_sync: TopicName
    manual_decisions: TopicName
    tracking: TopicName
    tracking_success: TopicName
    tracking_errors: TopicName


class Kafka(Model):
    """How to reach the brokers, and what is created there."""

    bootstrap_servers: str = Field(min_length=1)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    allow_plaintext: bool
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None
    sasl_username: str | None
    sasl_password: SecretReference | None
    options: dict[str, str]
    create_input_topics: bool
    accept_data_loss: bool
    replication_factor: PositiveCount
    partitions: dict[str, PositiveCount]
    max_message_bytes: PositiveCount
    request_timeout_seconds: PositiveSeconds
    topics: Topics

    @model_validator(mode="after")
    def _plaintext_only_on_loopback(self) -> Kafka:
        if not self.security_protocol.endswith("PLAINTEXT") or self.allow_plaintext:
            return self
        far = [h for h in self.bootstrap_servers.split(",") if not h.strip().startswith(LOOPBACK)]
        if far:
            raise ValueError(
                f"{self.security_protocol} to {far[0].strip()}, which is not this machine: "
                "set security_protocol to SASL_SSL, or allow_plaintext to true"
            )
        return self


class ClaimxPaths(Model):
    """Path templates below `claimx.base_url`; names in braces are filled in, percent-encoded."""

    task: str
    project: str
    project_search: str
    create_task: str
    task_search: str


class Circuit(Model):
    """When to stop calling an API that does not answer, and when to try it again."""

    failures: PositiveCount
    open_seconds: PositiveSeconds


class ClaimX(Model):
    """The ClaimX REST API and how gently it is called."""

    base_url: str = Field(pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$")
    token: SecretReference
    timeout_seconds: PositiveSeconds
    max_retries: Count
    retry_backoff_base: float = Field(ge=1)
    retry_backoff_max_seconds: PositiveSeconds
    max_concurrency: PositiveCount
    requests_per_second: PerSecond
    max_response_bytes: PositiveCount
    supports_external_reference: bool
    circuit: Circuit
    paths: ClaimxPaths
    headers: dict[str, str]

    @field_validator("base_url")
    @classmethod
    def _without_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")


class Storage(Model):
    """Where tables and checkpoints are."""

    warehouse: str = Field(min_length=1)
    checkpoints: str = Field(min_length=1)
    table_properties: dict[str, str]

    @field_validator("warehouse", "checkpoints")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """A relative path is relative to this process, not to what Spark holds to be its warehouse."""
        is_name = "://" in value or value.startswith(("/", "dbfs:", "file:")) or CATALOG_ROOT.match(value)
        return value if is_name else str(Path(value).absolute())


class Spark(Model):
    """The Spark session that `claimx run` starts; under spark-submit the submitter's options win."""

    master: str
    shuffle_partitions: PositiveCount
    snapshot_partitions: PositiveCount
    listing_parallelism: PositiveCount
    driver_memory: str
    ui_enabled: bool
    conf: dict[str, str]


class Metrics(Model):
    """The driver's Prometheus endpoint, and a Pushgateway for runs that nobody scrapes."""

    port: Port
    host: str
    pushgateway_url: str | None
    push_seconds: Seconds
    refresh_seconds: PositiveSeconds


class Logging(Model):
    """Level, and form: JSON lines, text, or what fits where it goes."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["auto", "json", "text"]
    spark_file: str | None


class Pii(Model):
    """What is masked in what leaves the tables, and in the tables if so wished."""

    mask_messages: bool
    mask_columns: list[str]
    fields: list[str]
    erased_salt: SecretReference | None


class Analysis(Model):
    """For people who look at the tables."""

    timezone: str
    sla_hours: dict[str, float]
    stuck_quantile: float = Field(gt=0, lt=1)
    stuck_min_observations: PositiveCount


class Console(Model):
    """The review page."""

    host: str
    port: Port
    token: SecretReference | None
    identity_header: str | None
    allowed_hosts: list[str]


class Settings(Model):
    """All settings of one run."""

    env: str
    kafka: Kafka
    claimx: ClaimX
    storage: Storage
    spark: Spark
    metrics: Metrics
    logging: Logging
    pii: Pii
    analysis: Analysis
    console: Console
    jobs: Jobs
    stop_timeout_seconds: Seconds
