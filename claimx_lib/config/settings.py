"""Every setting of the product, typed; `conf/base.yaml` holds the values and says what each is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from claimx_lib.config.claimx import ClaimX
from claimx_lib.config.jobs import Jobs
from claimx_lib.config.model import (
    Model,
    Port,
    PositiveCount,
    PositiveSeconds,
    Seconds,
    wrong,
)
from claimx_lib.config.secrets import SecretReference
from claimx_lib.config.topics import Topics
from claimx_lib.config.tracking_topic import with_topic
from claimx_lib.domain.loopback import is_loopback
from claimx_lib.domain.open_page import too_open

BROKER = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s,:/\[\]]+):([0-9]{1,5})")
CATALOG_ROOT = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*$")


LAST_PORT = 65535


VERIFIED = {"enable.ssl.certificate.verification": "true", "ssl.endpoint.identification.algorithm": "https"}
OF_THEIR_OWN = frozenset({"bootstrap.servers", "security.protocol"})


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

    @field_validator("options")
    @classmethod
    def _verified(cls, options: dict[str, str]) -> dict[str, str]:
        """TLS verification cannot be switched off, nor another server or protocol come in by the back door."""
        for name, wanted in VERIFIED.items():
            if options.get(name, wanted).lower() != wanted:
                raise ValueError(f"{name}: {options[name]!r} would trust any broker: leave it out")
        for name in OF_THEIR_OWN & options.keys():
            raise ValueError(f"{name} has a setting of its own: set kafka.{name.replace('.', '_')}")
        return options

    @field_validator("bootstrap_servers")
    @classmethod
    def _have_ports(cls, value: str) -> str:
        """The clients of Kafka know no port by default, or each another one; of a protocol before it, each does as it likes."""
        for broker in value.split(","):
            found = BROKER.fullmatch(broker.strip())
            if found is None or not 0 < int(found[1]) <= LAST_PORT:
                cure = "give host:port, several with commas; the protocol is kafka.security_protocol alone"
                raise ValueError(f"{broker.strip()!r} is no broker: {cure}")
        return value

    @model_validator(mode="after")
    def _plaintext_only_on_loopback(self) -> Kafka:
        if not self.security_protocol.endswith("PLAINTEXT") or self.allow_plaintext:
            return self
        far = [
            h for h in self.bootstrap_servers.split(",") if not is_loopback(h.strip().rpartition(":")[0] or h.strip())
        ]
        if far:
            raise ValueError(
                f"{self.security_protocol} to {far[0].strip()}, which is not this machine: "
                "set kafka.security_protocol to SASL_SSL, or kafka.allow_plaintext to true"
            )
        return self

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> Kafka:
        if not self.security_protocol.startswith("SASL"):
            return self
        given: dict[str, object] = {"sasl_mechanism": self.sasl_mechanism}
        if self.sasl_mechanism != "OAUTHBEARER":
            given |= {"sasl_username": self.sasl_username, "sasl_password": self.sasl_password}
        missing = [name for name, value in given.items() if value is None]
        if missing:
            raise ValueError(
                f"{self.security_protocol} without kafka.{missing[0]}: set it, or another security_protocol"
            )
        return self


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
    """The Spark session that `claimx run` starts; a submitter's or a cluster's options win over all but the three numbers of tasks."""

    master: str
    shuffle_partitions: PositiveCount
    snapshot_partitions: PositiveCount
    listing_parallelism: PositiveCount
    driver_memory: str
    ui_enabled: bool
    conf: dict[str, str]

    @field_validator("driver_memory")
    @classmethod
    def _of_a_jvm(cls, value: str) -> str:
        """The JVM gets it as it is, and with another would not start."""
        if not re.fullmatch(r"[1-9]\d*[kmgtKMGT]", value):
            raise ValueError("give a whole number and its unit, such as 2g or 1536m")
        return value


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
    mask_columns: list[Literal["original_event", "project_data", "claimx_task_full", "claimx_project_full"]]
    fields: list[str]
    erased_salt: SecretReference | None


class Analysis(Model):
    """For people who look at the tables."""

    timezone: str

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("give a zone's name, such as Europe/Berlin") from None
        return value

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

    @model_validator(mode="after")
    def _is_not_open_by_mistake(self) -> Console:
        found = too_open(self.host, has_token=self.token is not None, has_names=bool(self.allowed_hosts))
        if found is not None:
            raise wrong(("host",), self.host, f"it {found.missing}: {found.cure}")
        return self


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

    @model_validator(mode="after")
    def _looks_where_it_can_look(self) -> Settings:
        creation = self.jobs.task_creation
        if creation.enabled and creation.look_before_creating and not self.claimx.supports_external_reference:
            raise wrong(
                ("jobs", "task_creation", "look_before_creating"),
                creation.look_before_creating,
                "this ClaimX knows no external_reference to look for: set it to false, and events_since to a time from "
                "which no task can be there already",
            )
        return self

    @model_validator(mode="after")
    def _every_trigger_has_a_topic(self) -> Settings:
        return self.model_copy(update={"jobs": with_topic(self.jobs, self.kafka.topics.tracking)})
