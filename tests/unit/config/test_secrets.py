"""Secrets by reference: read where they are, and one line where they are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.secrets import SecretReference, read_secret, secrets_kept_back
from claimx_lib.errors import ConfigError
from tests.fakes.session import ENVIRONMENT

RUNTIME = """
class Secrets:
    def get(self, scope, key):
        if key != "api-token":
            raise RuntimeError("Secret does not exist with scope " + scope + " and key " + key)
        return "from-" + scope + "\\n"

class dbutils:
    secrets = Secrets()
"""
READ = """
from claimx_lib.config.secrets import SecretReference, read_secret
from claimx_lib.errors import ConfigError
try:
    print(read_secret(SecretReference(scope="claimx-prod", key={key!r}), path="claimx.token").reveal())
except ConfigError as error:
    print(error)
"""


@pytest.fixture
def databricks(tmp_path: Path) -> Path:
    """A folder that holds what a Databricks cluster has for reading secrets."""
    package = tmp_path / "databricks" / "sdk"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "runtime.py").write_text(RUNTIME)
    return tmp_path


def read_on(databricks: Path, key: str) -> str:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", READ.format(key=key)],
        env={"PYTHONPATH": f"{databricks}:{root}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_scope_is_read_on_a_cluster(databricks: Path) -> None:
    """The secret of a scope and key is what the cluster's `dbutils` gives, without the line's end."""
    assert read_on(databricks, "api-token") == "from-claimx-prod"


def test_a_secret_that_is_not_in_its_scope_is_one_line(databricks: Path) -> None:
    """The line names setting, scope and key, and nothing of what the cluster said."""
    assert read_on(databricks, "kafka") == (
        "claimx.token: secret claimx-prod/kafka cannot be read (RuntimeError) — "
        "create it there, and give who runs this READ on the scope"
    )


def test_without_a_scope_the_line_names_the_other_places() -> None:
    """Where there are no secret scopes, a person is told how to name another place."""
    with pytest.raises(ConfigError, match=r"this is no Databricks.*--set 'claimx.token=\{env: NAME\}'"):
        read_secret(SecretReference(scope="claimx", key="api-token"), path="claimx.token")


def test_a_file_is_read_anew(tmp_path: Path) -> None:
    """A rotated secret is found at the next reading; an empty place is an error that names the setting."""
    file = tmp_path / "token"
    reference = SecretReference(file=str(file))
    for value in ("first", "second"):
        file.write_text(f"{value}\n")
        assert read_secret(reference, path="claimx.token").reveal() == value
    file.write_text(" \n")
    with pytest.raises(ConfigError, match=r"claimx.token: file .*token is not set or empty"):
        read_secret(reference, path="claimx.token")


def test_what_is_started_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that a reference of the settings names is away during the block, and there again after it."""
    held = {"CLAIMX_API_TOKEN": "t", "OUR_KAFKA_PASSWORD": "p", "OUR_SALT": "s"}
    for name, value in {**held, "OUR_LANGUAGE": "en"}.items():
        monkeypatch.setenv(name, value)
    settings = load(
        sets=["kafka.sasl_password={env: OUR_KAFKA_PASSWORD}", "pii.erased_salt={env: OUR_SALT}"], environ=ENVIRONMENT
    )
    with secrets_kept_back(settings):
        assert not set(held) & set(os.environ)
        assert os.environ["OUR_LANGUAGE"] == "en"
    assert {name: os.environ[name] for name in held} == held


def test_a_file_that_is_no_text_is_told_in_a_line(tmp_path: Path) -> None:
    """Path, file and cure; never what is in it."""
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe sentinel")
    with pytest.raises(ConfigError, match=rf"claimx\.token: file {file}: no text in UTF-8 — make it") as caught:
        read_secret(SecretReference(file=str(file)), path="claimx.token")
    assert "sentinel" not in str(caught.value)
