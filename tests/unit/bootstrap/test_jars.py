from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bootstrap.jars import Jar, ensure_jars, parsed, verify
from bootstrap.java import Jdk
from bootstrap.layout import Layout
from bootstrap.report import SetupError

CONTENT = b"a jar"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LINE = f"spark org.example:thing_2.13:1.0 {SHA256}"
JAR = Jar(set="spark", org="org.example", module="thing_2.13", revision="1.0", sha256=SHA256)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A checkout with a lock of one jar, and the jar in its cache."""
    made = Layout(root=tmp_path, cache=tmp_path / "cache")
    made.jars_lock.write_text(f"# comment\n{LINE}\n")
    JAR.path(made.jars).parent.mkdir(parents=True)
    JAR.path(made.jars).write_bytes(CONTENT)
    return made


@pytest.fixture
def jdk(tmp_path: Path) -> Jdk:
    """A Java that must not be asked for anything."""
    return Jdk(home=tmp_path / "no-java", version=17)


def test_a_lock_names_its_jars() -> None:
    """A line gives class path, coordinates, file name and checksum; comments and empty lines give nothing."""
    assert parsed(f"# comment\n\n{LINE}\n") == [JAR]
    assert JAR.file_name == "thing_2.13-1.0.jar"


def test_a_broken_lock_is_named_by_its_line() -> None:
    """A line that cannot be read stops set-up with its number."""
    with pytest.raises(SetupError, match=r"jars\.lock, line 2, cannot be read"):
        parsed(f"{LINE}\nspark org.example:thing\n")


def test_a_full_cache_is_left_alone(layout: Layout, jdk: Jdk) -> None:
    """Nothing is fetched where each jar is there with the right checksum."""
    ensure_jars(layout, jdk, {})
    assert JAR.path(layout.jars).read_bytes() == CONTENT


def test_a_changed_jar_is_refused_in_one_line(layout: Layout, jdk: Jdk) -> None:
    """A cached jar with another checksum stops set-up: one line names the file, both checksums and the cure."""
    path = JAR.path(layout.jars)
    path.write_bytes(b"another jar")
    with pytest.raises(SetupError) as caught:
        ensure_jars(layout, jdk, {})
    told = str(caught.value)
    assert f"{path} has the wrong checksum" in told
    assert f"jars.lock says {SHA256[:16]}" in told
    assert f"Cure: delete it (rm {path})" in told
    assert "\n" not in told


def test_a_jar_that_the_lock_does_not_name_goes(layout: Layout, jdk: Jdk) -> None:
    """The folder is a class path: what an older lock left in it is removed."""
    stranger = layout.jars / "spark" / "thing_2.13-0.9.jar"
    stranger.write_bytes(CONTENT)
    ensure_jars(layout, jdk, {})
    assert not stranger.exists()


def test_verify_passes_the_jars_of_the_lock(layout: Layout) -> None:
    """A jar with the lock's checksum raises nothing."""
    verify([JAR], layout.jars)
