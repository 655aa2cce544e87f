"""Every setting of the product, typed; `conf/base.yaml` holds the values and says what each is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

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
from claimx_lib.domain.loopback import is_loopback

BASE_URL = re.compile(r"https?://[^/\s?#@]+(/[^\s?#]*)?")
CATALOG_ROOT = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*$")


PLACES = {"task": {"task_id"}, "project": {"project_id"}, "create_task": {"project_id"}, "task_search": {"project_id"}}
"""What each path of `claimx.paths` has in braces; the others have nothing."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


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
        far = [
            h for h in self.bootstrap_servers.split(",") if not is_loopback(h.strip().rpartition(":")[0] or h.strip())
        ]
        if far:
            raise ValueError(
                f"{self.security_protocol} to {far[0].strip()}, which is not this machine: "
                "set kafka.security_protocol to SASL_SSL, or kafka.allow_plaintext to true"
            )
        return self


class ClaimxPaths(Model):
    """Path templates below `claimx.base_url`; names in braces are filled in, percent-encoded."""

    task: str
    project: str
    project_search: str
    create_task: str
    task_search: str

    @field_validator("*")
    @classmethod
    def _names_what_is_filled_in(cls, value: str, info: ValidationInfo) -> str:
        wanted = PLACES.get(str(info.field_name), set())
        if not value.startswith("/") or set(re.findall(r"{(.*?)}", value)) != wanted:
            raise ValueError(
                f"give a path that begins with / and holds {' and '.join(f'{{{p}}}' for p in sorted(wanted)) or 'no braces'}"
            )
        return value


def _has_port(address: str) -> bool:
    """Whether what stands behind the host's colon, if anything does, is a port."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


class Circuit(Model):
    """When to stop calling an API that does not answer, and when to try it again."""

    failures: PositiveCount
    open_seconds: PositiveSeconds


class ClaimX(Model):
    """The ClaimX REST API and how gently it is called."""

    base_url: str
    allow_plaintext: bool
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
    def _is_an_address(cls, value: str) -> str:
        if not BASE_URL.fullmatch(value) or not _has_port(value):
            raise ValueError("give http:// or https://, a host, and where needed :port and /path; no user, no query")
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _may_be_sent(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [n for n, text in value.items() if not (HEADER_NAME.fullmatch(n) and HEADER_VALUE.fullmatch(text))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no header: a name without spaces, a value on one line")
        return value


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
