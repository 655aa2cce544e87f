"""A real Apache Kafka broker (KRaft) on loopback, for development and tests."""

from __future__ import annotations

import subprocess
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from claimx_lib.devstack.broker_settings import BrokerSettings
from claimx_lib.devstack.ports import LOOPBACK, accepts, free_port, is_free, require_free
from claimx_lib.devstack.process import GuardedProcess
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

START_SECONDS = 60.0
FORMAT_SECONDS = 60.0
_TRIES = 3


class Broker:
    """One broker, its data in `data_dir`; keeps its port and data over `stop` and `start`, and dies with its caller.

    Topics are never created by themselves. `port` 0 takes a free one. All waits are bounded and end in DevStackError,
    which carries the end of the broker's own log.
    """

    def __init__(self, *, data_dir: Path, port: int = 0, message_max_bytes: int = 1_048_588) -> None:
        self._port_is_ours = port == 0
        self._settings = BrokerSettings(
            data_dir=data_dir.absolute(),
            port=port or free_port(),
            controller_port=free_port(),
            message_max_bytes=message_max_bytes,
        )
        self._process: GuardedProcess | None = None
        self._has_started = False

    @property
    def port(self) -> int:
        return self._settings.port

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def log_file(self) -> Path:
        return self._settings.log_file

    @property
    def pid(self) -> int:
        """Process id of the broker's JVM; DevStackError where it does not run."""
        if self._process is None:
            raise DevStackError("the broker is not running", cure="start it")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def start(self) -> None:
        """The broker answers an admin client when this returns; does nothing where it runs already."""
        if self.is_running:
            return
        for _ in range(_TRIES):
            try:
                self._start()
            except DevStackError:
                self.stop()
                if not self._lost_its_port():
                    raise
                self._settings = replace(self._settings, port=free_port(), controller_port=free_port())
            else:
                return
        raise DevStackError("the broker finds no port that stays free", cure="give it one of your own")

    def stop(self) -> None:
        """The broker has ended in order when this returns; its data stay."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """The broker has died by SIGKILL when this returns, as in a crash; `start` brings it back."""
        if self._process is not None:
            self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        settings = self._settings
        require_free(settings.port)
        settings.write()
        _format(settings)
        command = settings.command("kafka.Kafka", str(settings.properties_file))
        self._process = GuardedProcess(command, name="the broker", log=settings.log_file)
        self._process.start()
        wait_until(
            self._is_ready_or_dead,
            what=f"the broker on port {self.port} does not answer",
            timeout_seconds=START_SECONDS,
            cure=f"see {settings.log_file}",
        )
        if not self._process.is_running:
            raise DevStackError(f"the broker ended: {self._process.last_words()}", cure=f"see {settings.log_file}")
        self._has_started = True

    def _is_ready_or_dead(self) -> bool:
        return not self.is_running or (accepts(self.port) and self._answers())

    def _answers(self) -> bool:
        """Whether this broker answers, not another one that has taken the port before it."""
        return cluster_id_at(self.bootstrap_servers) == self._settings.cluster_id()

    def _lost_its_port(self) -> bool:
        """Another process may have taken a port between choice and use; only a first start may choose again."""
        if not self._port_is_ours or self._has_started:
            return False
        told = self.log_file.read_text(errors="replace") if self.log_file.is_file() else ""
        return not is_free(self.port) or "Address already in use" in told


def cluster_id_at(bootstrap_servers: str, *, timeout_seconds: float = 2.0) -> str | None:
    """The id of the cluster that answers there; None while there is none whose brokers are registered.

    A registered broker creates topics.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        told = client.list_topics(timeout=timeout_seconds)
    except KafkaException:
        return None
    return told.cluster_id if told.brokers else None


def _format(settings: BrokerSettings) -> None:
    if settings.is_formatted:
        return
    arguments = ["format", "--cluster-id", _new_cluster_id(), "--config", str(settings.properties_file)]
    command = settings.command("kafka.tools.StorageTool", *arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DevStackError(f"the broker's storage cannot be formatted: {error}", cure="run `make setup`") from None
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise DevStackError(f"the broker's storage cannot be formatted: {told[-1]}", cure=f"empty {settings.data_dir}")


def _new_cluster_id() -> str:
    while (cluster_id := urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # one in 64 would be taken for an option
    return cluster_id
