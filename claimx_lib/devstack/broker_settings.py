"""How the embedded broker is set up: one node that is broker and controller, on loopback, sized for a developer's machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from claimx_lib.config.toolchain import jars, java_home
from claimx_lib.devstack.ports import LOOPBACK
from claimx_lib.devstack.quick_jvm import LEAN
from claimx_lib.errors import DevStackError

JVM_OPTIONS = ("-Xmx512m", *LEAN, "-Djava.net.preferIPv4Stack=true")
_SET_UP = "run `make setup`"
_LOGGING = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601}{UTC}Z %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What differs from broker to broker; the rest of the properties is the same for each.

    `message_max_bytes` is the largest record batch taken; Kafka's default is 1 MiB and 12 bytes.
    """

    data_dir: Path
    port: int
    controller_port: int
    message_max_bytes: int = 1_048_588

    @property
    def properties_file(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def log_file(self) -> Path:
        return self.data_dir / "broker.log"

    @property
    def is_formatted(self) -> bool:
        return self._identity.is_file()

    def cluster_id(self) -> str:
        """The id that formatting gave this broker's cluster; DevStackError before that."""
        lines = self._identity.read_text().splitlines() if self.is_formatted else []
        told = next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), "")
        if not told:
            raise DevStackError(f"{self._identity} holds no cluster id", cure=f"empty {self.data_dir}")
        return told

    @property
    def _identity(self) -> Path:
        return self.data_dir / "data" / "meta.properties"

    def properties(self) -> dict[str, str]:
        """Kafka's own settings."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.data_dir / "data"),
            "message.max.bytes": str(self.message_max_bytes),
            "replica.fetch.max.bytes": str(self.message_max_bytes),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            **_ONE_NODE,
            **_SMALL,
        }

    def write(self) -> None:
        """The broker's files lie in `data_dir`, ready for its start."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        lines = (f"{key}={value}" for key, value in self.properties().items())
        self.properties_file.write_text("\n".join(lines) + "\n")
        (self.data_dir / "log4j2.properties").write_text(_LOGGING)

    def command(self, main_class: str, *arguments: str) -> list[str]:
        """The command line that runs one of Kafka's classes; DevStackError where set-up has not run."""
        logging = f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}"
        return [str(_java()), *JVM_OPTIONS, logging, "-cp", _class_path(), main_class, *arguments]


_ONE_NODE = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
_SMALL = {
    "num.partitions": "1",
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "6000",  # a broker that was killed may register again only after it
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.segment.bytes": str(64 * 1024 * 1024),
    "log.retention.check.interval.ms": "30000",
}


def _java() -> Path:
    home = java_home()
    if home is None or not os.access(home / "bin" / "java", os.X_OK):
        raise DevStackError("no Java 17 or 21 for the embedded broker", cure=_SET_UP)
    return home / "bin" / "java"


def _class_path() -> str:
    found: Sequence[Path] = jars("kafka")
    if not found:
        raise DevStackError("the jars of the embedded broker are not in the cache", cure=_SET_UP)
    return os.pathsep.join(map(str, found))
