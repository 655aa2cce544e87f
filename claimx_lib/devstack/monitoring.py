"""A Prometheus for the development stack: scrapes the local driver, with the alerts of conf/monitoring loaded."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from claimx_lib.config.layers import conf_dir
from claimx_lib.devstack.ports import LOOPBACK, free_port
from claimx_lib.devstack.process import GuardedProcess
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

CURE = "install it (Debian and Ubuntu: apt-get install prometheus), or leave --monitoring out"
READY_SECONDS = 30.0
RETENTION = "2d"


def alert_rules() -> Path:
    """The file of the alerts; ConfigError where there is no folder of settings."""
    return conf_dir().absolute() / "monitoring" / "alerts.yml"


def prometheus_program() -> str:
    """Where Prometheus is installed; DevStackError with the way to get it where it is not."""
    found = shutil.which("prometheus")
    if found is None:
        raise DevStackError("prometheus is not installed", cure=CURE)
    return found


def scrape_configuration(targets: Sequence[str], *, scrape_seconds: int, rules: Path) -> dict[str, Any]:
    """The configuration of a Prometheus that scrapes these `host:port`, and keeps our own `job` label."""
    return {
        "global": {"scrape_interval": f"{scrape_seconds}s", "evaluation_interval": f"{scrape_seconds}s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "claimx", "honor_labels": True, "static_configs": [{"targets": list(targets)}]},
        ],
    }


class Prometheus:
    """A running Prometheus, from `start` (or entering) to `stop` (or leaving), on loopback; its data are in `folder`."""

    def __init__(
        self, *, folder: Path, targets: Sequence[str], port: int = 0, scrape_seconds: int = 5, rules: Path | None = None
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._folder = folder
        self._configuration = scrape_configuration(
            targets, scrape_seconds=scrape_seconds, rules=rules if rules is not None else alert_rules()
        )
        self._file = folder / "prometheus.yml"
        self._process = GuardedProcess(
            [
                *(prometheus_program(), f"--config.file={self._file}", f"--web.listen-address={LOOPBACK}:{self.port}"),
                *(f"--storage.tsdb.path={folder / 'data'}", f"--storage.tsdb.retention.time={RETENTION}"),
            ],
            name="Prometheus",
            log=folder / "prometheus.log",
            environment={"GOMAXPROCS": "1"},  # it shares a developer's machine with Spark
        )

    def start(self) -> Self:
        """Returns when queries are answered; DevStackError when that does not come about."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file.write_text(yaml.safe_dump(self._configuration, sort_keys=False), encoding="utf-8")
        self._process.start()
        try:
            wait_until(
                lambda: self.is_ready or not self._process.is_running,
                what="Prometheus is ready",
                timeout_seconds=READY_SECONDS,
                cure=f"see {self._process.log}",
            )
        except DevStackError:
            self.stop()
            raise
        if not self._process.is_running:
            raise DevStackError("Prometheus did not start", cure=self._process.last_words())
        return self

    @property
    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310  # our own loopback address
                return bool(answer.status == 200)  # noqa: PLR2004
        except (URLError, OSError):
            return False

    def stop(self) -> None:
        """Returns when the process is gone; data stay."""
        self._process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
