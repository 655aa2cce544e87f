from __future__ import annotations

from bootstrap import jars, layout
from bootstrap.locks import disagreements
from claimx_lib.config import versions

CHECKOUT = layout.of_checkout()


def coordinates() -> set[str]:
    return {f"{jar.org}:{jar.module}:{jar.revision}" for jar in jars.parsed(CHECKOUT.jars_lock.read_text())}


def test_requirements_are_locked() -> None:
    """Both requirement locks agree with pyproject.toml, and each file in them has a hash."""
    assert disagreements(CHECKOUT) == []


def test_jars_are_those_of_the_version_set() -> None:
    """The jars that set-up fetches are the versions that the product says it runs on."""
    assert {*versions.SPARK_PACKAGES, versions.KAFKA_BROKER} <= coordinates()


def test_no_registry_is_named() -> None:
    """No lock carries an address, so that a company's mirrors decide where files come from."""
    for lock in (CHECKOUT.bootstrap_lock, CHECKOUT.requirements_lock, CHECKOUT.jars_lock):
        assert "://" not in lock.read_text()
