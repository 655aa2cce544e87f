from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.layout import Layout
from bootstrap.locks import disagreements

PROJECT = """
[project]
name = "claimx-pipeline"
dependencies = ["rich>=13"]
[project.optional-dependencies]
local = ["pyspark[connect]>=4,<5"]
[dependency-groups]
bootstrap = ["uv>=0.9"]
dev = [{ include-group = "bootstrap" }, "pytest>=8"]
"""
HASH = f"    --hash=sha256:{'0' * 64}"
OURS = "    # via claimx-pipeline (pyproject.toml)"


def entry(pin: str, via: str = OURS) -> str:
    return f"{pin} \\\n{HASH}\n{via}\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A checkout whose locks agree with its pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements-bootstrap.lock").write_text(entry("uv==0.13.9"))
    pins = [entry("pyspark[connect]==4.0.5"), entry("pytest==9.0"), entry("rich==15.0"), entry("uv==0.13.9")]
    (tmp_path / "requirements.lock").write_text("".join([*pins, entry("pygments==2.0", "    # via rich")]))
    return Layout(root=tmp_path, cache=tmp_path)


def told_after(layout: Layout, old: str, new: str) -> list[str]:
    layout.requirements_lock.write_text(layout.requirements_lock.read_text().replace(old, new))
    return disagreements(layout)


def test_locks_that_agree_are_silent(layout: Layout) -> None:
    """Groups, extras and included groups count; what the dependencies bring is theirs to ask for."""
    assert disagreements(layout) == []


def test_a_requirement_without_pin_is_named(layout: Layout) -> None:
    """What pyproject.toml asks for and the lock lacks is one line."""
    assert told_after(layout, entry("rich==15.0"), "") == ["requirements.lock: rich>=13 of pyproject.toml is missing"]


def test_a_pin_that_does_not_fit_is_named(layout: Layout) -> None:
    """A pin outside the range of pyproject.toml is one line."""
    assert told_after(layout, "rich==15.0", "rich==12.0") == [
        "requirements.lock: rich==12.0 does not fit rich>=13 of pyproject.toml"
    ]


def test_a_pin_that_nobody_asks_for_is_named(layout: Layout) -> None:
    """A direct pin that pyproject.toml no longer asks for is one line."""
    assert told_after(layout, "# via rich", "# via claimx-pipeline (pyproject.toml:dev)") == [
        "requirements.lock: pygments is there for pyproject.toml, which does not ask for it"
    ]


def test_a_pin_without_hash_is_named(layout: Layout) -> None:
    """A pin that would let any file in is one line."""
    assert told_after(layout, f"rich==15.0 \\\n{HASH}", "rich==15.0") == ["requirements.lock: rich==15.0 has no hash"]
