from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.java import ensure_jdk, version_of
from bootstrap.layout import Layout
from bootstrap.report import SetupError


def java(home: Path, version: str, *, has_release: bool = True) -> Path:
    """A Java installation of that version, as far as set-up looks at one."""
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    if has_release:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A checkout whose Python fetches nothing."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    return Layout(root=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("has_release", [True, False])
@pytest.mark.parametrize(("version", "feature"), [("17.0.15", 17), ("21.0.2", 21), ("1.8.0_402", 8), ("11.0.2", 11)])
def test_version_is_told_by_file_or_by_asking(tmp_path: Path, version: str, feature: int, *, has_release: bool) -> None:
    """The feature version is known with and without a release file, in the old counting and the new."""
    assert version_of(java(tmp_path / "jdk", version, has_release=has_release)) == feature


def test_own_choice_goes_first(layout: Layout, tmp_path: Path) -> None:
    """A supported JAVA_HOME is taken before any other, and written down for the product."""
    chosen = java(tmp_path / "mine", "21.0.2")
    java(tmp_path / "jvm" / "java-17", "17.0.1")
    found = ensure_jdk(layout, {"JAVA_HOME": str(chosen)}, folders=[f"{tmp_path}/jvm/*"])
    assert (found.home, found.version) == (chosen, 21)
    assert json.loads(layout.toolchain.read_text()) == {"java_home": str(chosen), "java_version": 21}


def test_a_wrong_choice_is_told_and_passed_over(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A JAVA_HOME that Spark cannot use costs one line, where another JDK is there."""
    wrong = java(tmp_path / "mine", "11.0.2")
    right = java(tmp_path / "jvm" / "java-17", "17.0.1")
    assert ensure_jdk(layout, {"JAVA_HOME": str(wrong)}, folders=[f"{tmp_path}/jvm/*"]).home == right
    told = capsys.readouterr().err.splitlines()
    assert told == [f"setup: JAVA_HOME ({wrong}) is Java 11, Spark 4.0 needs 17 or 21: using {right} (Java 17) instead"]


def test_no_java_and_no_network_is_one_line_with_the_cure(layout: Layout) -> None:
    """Where there is none and none can be fetched, one line says so and how to install one."""
    with pytest.raises(SetupError) as caught:
        ensure_jdk(layout, {"PATH": ""}, folders=[])
    told = str(caught.value)
    assert told.startswith(
        "there is no Java on this machine, and Temurin 17 could not be fetched. Cure: install a JDK 17"
    )
    assert "\n" not in told


def test_a_wrong_java_alone_is_named(layout: Layout, tmp_path: Path) -> None:
    """Where only an unsupported Java is there, the line names its version and place."""
    wrong = java(tmp_path / "mine", "1.8.0_402")
    with pytest.raises(SetupError, match=f"the only Java here is 8 \\({wrong}\\), Spark 4.0 needs 17 or 21"):
        ensure_jdk(layout, {"JAVA_HOME": str(wrong), "PATH": ""}, folders=[])
