"""The rules as Prometheus itself reads them."""

from __future__ import annotations

import subprocess

import pytest

from tests.readers.monitoring import CASES, MONITORING, RULES


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_rules_and_configuration(program):
    """`promtool check` finds nothing wrong with either file."""
    promtool = program("promtool")
    _run(promtool, "check", "rules", str(RULES))
    _run(promtool, "check", "config", str(MONITORING / "prometheus.yml"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_every_case_of_the_alerts_holds(program, file):
    """`promtool test rules` sees each alert fire where it should, and only there."""
    assert "SUCCESS" in _run(program("promtool"), "test", "rules", str(file))
